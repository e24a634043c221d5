# SPDX-License-Identifier: GPL-2.0-or-later
# Configuring, compiling and packing a kernel; to be sourced by kernel/build.sh.

# What kbuild prints for each step that makes a file.
KBUILD_STEP='^  [A-Z]+ (\[M\])? *[^ ]+'

find_fragment()
{
	local f

	for f in "$1" "$REPO/kernel/configs/$1.config" "$REPO/kernel/configs/$1"; do
		if [ -f "$f" ]; then
			realpath "$f"
			return 0
		fi
	done
	die "there is no config fragment '$1': name a file or one of $(cd "$REPO/kernel/configs" && echo *.config)"
}

# resolve_source SOURCE: the unpacked tree
resolve_source()
{
	if is_series "$1"; then
		source_unpack "$1"
	else
		source_clean "$1"
		realpath "$1"
	fi
}

# kernel_key SOURCE FRAGMENT...: what a cached kernel depends on, as a hash
kernel_key()
{
	local src=$1 id tar

	shift
	if is_series "$src"; then
		tar=$(source_tarball "$src") || exit
		id=$(stat -Lc '%s %Y' "$tar") || exit
	else
		src=$(resolve_source "$src") || exit
		id="$src $(source_version "$src") $(source_state "$src")" || exit
	fi
	printf '%s-%s\n' "$(basename "$src")" "$({
		echo "$id"
		hash_tree "$REPO/kernel/arch/ring3"
		hash_tree "$REPO/abi"
		hash_tree "$REPO/kernel/build"
		[ $# = 0 ] || cat "$@"
		gcc --version | head -1
	} | sha256sum | cut -c1-16)"
}

kmake()
{
	make --no-print-directory -C "$TREE" O="$OBJ" ARCH=ring3 -j"$JOBS" \
		KBUILD_BUILD_USER=ring3 KBUILD_BUILD_HOST=ring3 KBUILD_BUILD_VERSION=1 \
		KBUILD_BUILD_TIMESTAMP="$(date -u -d "@$(stat -c %Y "$TREE/Makefile")")" "$@"
}

# configure FRAGMENT...: defconfig with the fragments after it, only when one
# of them or a Kconfig file of the port changed.
configure()
{
	local sum log=$OBJ/config.log

	mkdir -p "$OBJ"
	sum=$(find "$TREE/arch/ring3" -name 'Kconfig*' -exec cat {} + -o -name ring3_defconfig -exec cat {} + |
		cat - "$@" | sha256sum)
	[ -f "$OBJ/.config" ] && [ "$(cat "$OBJ/.config.sum" 2>/dev/null)" = "$sum" ] && return
	cat "$TREE/arch/ring3/configs/ring3_defconfig" "$@" > "$OBJ/.config"
	if ! kmake olddefconfig > "$log" 2>&1; then
		tail -20 "$log" >&2
		die "the kernel could not be configured: see above"
	fi
	grep -E 'Kconfig.*warning|unmet direct|recursive' "$log" >&2
	# Our own defconfig names options that not every version has.
	if [ "${DEV:-0}" = 1 ]; then
		config_lost "$TREE/arch/ring3/configs/ring3_defconfig" "$@"
	else
		config_lost "$@"
	fi
	echo "$sum" > "$OBJ/.config.sum"
}

# config_lost FILE...: name the options that were asked for and not given
config_lost()
{
	local lost

	[ $# -gt 0 ] || return 0
	lost=$(cat "$@" | awk -F= '
		/^CONFIG_/ { want[$1] = $2 }
		/^# CONFIG_.* is not set/ { split($0, a, " "); want[a[2]] = "n" }
		END { for (o in want) print o, want[o] }' | sort | while read -r o v; do
			got=$(sed -n "s/^$o=//p" "$OBJ/.config")
			[ "${got:-n}" = "$v" ] || [ "$v$got" = my ] || printf ' %s=%s' "${o#CONFIG_}" "$v"
		done)
	[ -z "$lost" ] || note "this kernel cannot have:$lost"
}

# compile TARGETS TITLE LOG: make with progress. The number of steps of the
# last full build is kept, so the percentage is of steps, not a guess at time.
compile()
{
	local steps

	steps=$(cat "$OBJ/steps" 2>/dev/null || cat "$CACHE/kernel/steps-$SERIES" 2>/dev/null || echo 3000)
	progress_begin "$2"
	# shellcheck disable=SC2086
	kmake $1 2>&1 | {
		count_lines "$steps" "$KBUILD_STEP" "$3"
		echo "$COUNTED" > "$OBJ/steps.now"
	}
	if [ "${PIPESTATUS[0]}" != 0 ]; then
		progress_clear
		grep -vE "$KBUILD_STEP" "$3" | tail -"${ERROR_LINES:-60}" >&2
		[ "${DEV:-0}" = 1 ] || cp "$3" "$CACHE/kernel/failed.log"
		! grep -q 'No space left on device' "$3" ||
			die "the disk is full: free some space in $CACHE or set XDG_CACHE_HOME to another disk"
		die "the kernel did not build: the whole log is $([ "${DEV:-0}" = 1 ] && echo "$3" || echo "$CACHE/kernel/failed.log")"
	fi
	# An incremental build says nothing of a full one.
	[ "$(cat "$OBJ/steps.now")" -le "$(cat "$OBJ/steps" 2>/dev/null || echo 1000)" ] || mv "$OBJ/steps.now" "$OBJ/steps"
	progress_end
}

# install_kernel DIR MODULES: the results, from OBJ
install_kernel()
{
	local dir=$1 release

	release=$(cat "$OBJ/include/config/kernel.release")
	strip --strip-debug -o "$dir/vmlinux.tmp" "$OBJ/vmlinux" || die "cannot write $dir: free some space"
	mv "$dir/vmlinux.tmp" "$dir/vmlinux"
	cp -f "$OBJ/vmlinux" "$dir/vmlinux.debug"
	cp -f "$OBJ/.config" "$dir/config"
	echo "$release" > "$dir/release"
	! grep -q '^CONFIG_GDB_SCRIPTS=y' "$OBJ/.config" || install_gdb "$dir"
	[ "$2" = 1 ] || return 0
	[ -e "$dir/modules.img" ] && [ -z "$(find "$OBJ" \( -name '*.ko' -o -name modules.order -o \
		-name kernel.release \) -newer "$dir/modules.img" -print -quit)" ] && return
	pack_modules "$dir" "$release"
}

# install_gdb DIR: mainline's lx- commands, which "ring3 debug" loads from there
install_gdb()
{
	kmake scripts_gdb > "$OBJ/gdb.log" 2>&1 || {
		tail -20 "$OBJ/gdb.log" >&2
		die "the kernel's commands for gdb could not be made: see above"
	}
	rm -rf "$1/gdb"
	mkdir -p "$1/gdb/scripts/gdb"
	cp -L "$OBJ/vmlinux-gdb.py" "$1/gdb/" && cp -rL "$OBJ/scripts/gdb/linux" "$1/gdb/scripts/gdb/" ||
		die "cannot write $1/gdb: free some space"
}

# pack_modules DIR RELEASE: modules.img holds what belongs in /lib/modules. It
# is ext4 because that driver is always there: it mounts the root too.
pack_modules()
{
	local stage=$OBJ/modules.stage size

	rm -rf "$stage"
	kmake INSTALL_MOD_PATH="$stage" INSTALL_MOD_STRIP=1 modules_install > "$OBJ/modules.log" 2>&1 || {
		tail -20 "$OBJ/modules.log" >&2
		die "the modules could not be installed: see above"
	}
	rm -f "$stage/lib/modules/$2/build" "$stage/lib/modules/$2/source"
	size=$(du -sk "$stage" | cut -f1)
	rm -f "$1/modules.img.tmp"
	mke2fs -q -t ext4 -O ^has_journal,^resize_inode -m 0 -L modules -N 4096 -E root_owner=0:0 \
		-d "$stage/lib/modules" "$1/modules.img.tmp" "$((size * 5 / 4 + 4096))k" >> "$OBJ/modules.log" ||
		die "cannot pack the kernel modules: free some space in $1"
	mv "$1/modules.img.tmp" "$1/modules.img"
	rm -rf "$stage"
}

build_dev()
{
	local modules=$2 targets=$3 name=$1 base tree

	is_series "$name" || name=$(basename "$(realpath "$name")")
	tree=$(resolve_source "$1") || exit
	SERIES=$(source_version "$tree" | cut -d. -f1,2) || exit
	shift 3
	base=$REPO/build/kernel-$name$(printf '%s\n' "$@" | sed 's/.*\//-/; s/\.config$//' | tr -d '\n')
	TREE=$base/src OBJ=$base/obj DEV=1
	mkdir -p "$base"
	with_lock "$base/lock"
	source_overlay "$tree" "$TREE"
	configure "$@"
	if [ -n "$targets" ]; then
		# shellcheck disable=SC2086
		kmake $targets
		exit
	fi
	if [ "$modules" = 1 ]; then
		compile "vmlinux modules" "kernel $SERIES (dev)" "$base/log"
	else
		compile vmlinux "kernel $SERIES (dev)" "$base/log"
	fi
	grep -A5 -E 'warning:' "$base/log" >&2
	install_kernel "$base" "$modules"
	printf '%s\n' "$base" >&3
}

build_cached()
{
	local source=$1 dir=$2 tree

	shift 2
	need_space "$CACHE" 3000
	tree=$(resolve_source "$source") || exit
	SERIES=$(source_version "$tree" | cut -d. -f1,2) || exit
	# We hold the lock: what is there was left by a build that was killed.
	rm -rf "$CACHE"/kernel/build.*
	WORK=$(mktemp -d "$CACHE/kernel/build.XXXXXX") || die "cannot write to $CACHE/kernel: make it writable"
	trap 'rm -rf "$WORK"' EXIT
	trap 'exit 130' INT TERM HUP
	TREE=$WORK/src OBJ=$WORK/obj
	mkdir "$WORK/out"
	source_overlay "$tree" "$TREE"
	configure "$@"
	compile "vmlinux modules" "kernel $(source_version "$tree")" "$WORK/log"
	[ ! -f "$OBJ/steps" ] || cp "$OBJ/steps" "$CACHE/kernel/steps-$SERIES"
	install_kernel "$WORK/out" 1
	mv "$WORK/out" "$dir" || die "cannot write $dir: make its directory writable"
	prune 6 "$CACHE"/kernel/*-????????????????
}
