# SPDX-License-Identifier: GPL-2.0-or-later
# Configuring, compiling and packing a kernel; to be sourced by kernel/build.sh.

# What kbuild prints for each step that makes a file.
KBUILD_STEP='^  [A-Z]+ (\[M\])? *[^ ]+'

# result_files DIR: what there is in it of all that a build may make
result_files()
{
	(cd "$1" && ls -d vmlinux vmlinux.debug modules.img modules.debug config release gdb 2> /dev/null)
}

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
		cat "$REPO/kernel/build/make.sh" "$REPO/kernel/build/source.sh"
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
	fragments_check "$@"
	cat "$TREE/arch/ring3/configs/ring3_defconfig" "$@" > "$OBJ/.config"
	if ! kmake olddefconfig > "$log" 2>&1; then
		tail -20 "$log" >&2
		die "the kernel could not be configured: see above"
	fi
	grep -E 'Kconfig.*warning|unmet direct|recursive' "$log" >&2
	config_needs "$OBJ/.config" "$@"
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
	install_file "$OBJ/vmlinux" "$dir/vmlinux.debug"
	install_file "$OBJ/.config" "$dir/config"
	echo "$release" > "$dir/release.tmp" && mv "$dir/release.tmp" "$dir/release"
	! grep -q '^CONFIG_GDB_SCRIPTS=y' "$OBJ/.config" || install_gdb "$dir"
	[ "$2" = 1 ] && [ -e "$OBJ/modules.order" ] || return 0
	! grep -q '^CONFIG_DEBUG_INFO=y' "$OBJ/.config" || install_debug_modules "$dir/modules.debug"
	modules_fresh "$OBJ" "$dir/modules.img" || modules_pack "$OBJ" "$dir/stage/lib/modules" "$dir/modules.img"
}

# install_debug_modules DIR: as they were built, for gdb
install_debug_modules()
{
	rm -rf "$1.tmp"
	mkdir -p "$1.tmp"
	module_files "$OBJ" | cut -f1 | tr '\n' '\0' | xargs -0r cp -lf -t "$1.tmp" 2> /dev/null ||
		module_files "$OBJ" | cut -f1 | tr '\n' '\0' | xargs -0r cp -f -t "$1.tmp" || die "cannot write $1: free some space there"
	rm -rf "$1"
	mv "$1.tmp" "$1"
}

# install_file FROM TO: TO is a new file, as the old one may be known by other names
install_file()
{
	cp -f --reflink=auto "$1" "$2.tmp" && mv "$2.tmp" "$2" || die "cannot write $2: free some space there"
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

# dev_base SOURCE FRAGMENT...: where the objects of a build without a name are kept
dev_base()
{
	local name=$1

	is_series "$name" || name=$(basename "$(realpath "$name")")
	shift
	name=kernel-$name$(printf '%s\n' "$@" | sed 's/.*\//-/; s/\.config$//' | tr -d '\n')
	# What is installed has no build directory.
	if [ -w "$REPO" ]; then
		printf '%s/build/%s\n' "$REPO" "$name"
	else
		printf '%s/dev/%s\n' "$CACHE" "$name"
	fi
}

# build_dev SOURCE BASE MODULES TARGETS FRAGMENT...
build_dev()
{
	local base=$2 modules=$3 targets=$4 tree

	tree=$(resolve_source "$1") || exit
	SERIES=$(source_version "$tree" | cut -d. -f1,2) || exit
	tree_check "$tree"
	shift 4
	TREE=$base/src OBJ=$base/obj DEV=1
	mkdir -p "$base" || die "cannot write to $base: make it writable or set XDG_CACHE_HOME to another directory"
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
}

build_cached()
{
	local source=$1 dir=$2 tree

	shift 2
	need_space "$CACHE" 3000
	tree=$(resolve_source "$source") || exit
	SERIES=$(source_version "$tree" | cut -d. -f1,2) || exit
	tree_check "$tree"
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
	rm -rf "$WORK/out/stage"
	mv "$WORK/out" "$dir" || die "cannot write $dir: make its directory writable"
	prune 6 "$CACHE"/kernel/*-????????????????
}
