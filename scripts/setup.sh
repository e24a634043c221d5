# SPDX-License-Identifier: GPL-2.0-or-later
# Everything ./run and ./test need before a guest can start; to be sourced.
#
# Theory of operation: each part (host tools, initramfs, kernel, root disk) is
# made by its own script, which keeps its result under a key of all that it was
# made from. What came out is noted in $BUILD/stamps together with a fingerprint
# of the source tree, so that the next run only compares that.

# Where the host side is built: in the tree, or in the cache if that cannot be
# written, as in another user's checkout.
build_dir()
{
	if [ -w "$REPO/build" ] || { [ ! -e "$REPO/build" ] && [ -w "$REPO" ]; }; then
		printf '%s\n' "$REPO/build"
	else
		printf '%s/build-%s\n' "$CACHE" "$(printf %s "$REPO" | cksum | cut -d' ' -f1)"
	fi
}

# fingerprint: of what the parts are made from, by name, size and time
fingerprint()
{
	{
		printf '%s\n' "$CACHE"
		cd "$REPO" && find abi wire monitor cli guest space backend fs net unpack kernel scripts tests/*/meson.build tests/*/*.[ch] tests/*/*.lds man run test meson.build \
			-type f -printf '%p %s %T@\n' 2>/dev/null | LC_ALL=C sort
	} | cksum
}

# ---- packages ----

# needs: probe, Debian package. cmd: a command, pc: a pkg-config module, file:
# a file.
needs()
{
	cat <<-EOF
	cmd:gcc gcc
	file:/usr/include/stdio.h libc6-dev
	cmd:make make
	cmd:flex flex
	cmd:bison bison
	cmd:bc bc
	cmd:perl perl
	cmd:xz xz-utils
	cmd:depmod kmod
	cmd:python3 python3
	cmd:meson meson
	cmd:ninja ninja-build
	cmd:pkg-config pkg-config
	pc:json-c libjson-c-dev
	pc:yaml-0.1 libyaml-dev
	pc:libseccomp libseccomp-dev
	file:/usr/include/slirp/libslirp.h libslirp-dev
	pc:libarchive libarchive-dev
	pc:ext2fs libext2fs-dev
	pc:nettle nettle-dev
	pc:zlib zlib1g-dev
	cmd:mmdebstrap mmdebstrap
	cmd:fakeroot fakeroot
	cmd:fakechroot fakechroot
	file:/usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
	cmd:mke2fs e2fsprogs
	EOF
	# tests/model, tests/net, tests/debug
	[ "${RING3_PROFILE:-}" != test ] || printf 'pc:libwebsockets libwebsockets-dev\n'
	[ "${RING3_PROFILE:-}" != test ] || printf 'cmd:%s %s\n' spin spin gdb gdb zsh zsh fish fish tshark tshark passt passt qemu-img qemu-utils qemu-storage-daemon qemu-system-common
}

missing_packages()
{
	local probe package

	while read -r probe package; do
		case $probe in
		cmd:*) command -v "${probe#*:}" > /dev/null ;;
		file:*) [ -e "${probe#*:}" ] ;;
		pc:*) pkg-config --exists "${probe#*:}" 2>/dev/null ;;
		esac || printf '%s ' "$package"
	done < <(needs)
}

setup_packages()
{
	local list sudo=

	list=$(missing_packages)
	[ -n "$list" ] || return 0
	command -v apt-get > /dev/null ||
		die "missing on this host: ${list% }; install these (Debian's names) and try again"
	if [ "$(id -u)" != 0 ]; then
		sudo=sudo
		command -v sudo > /dev/null &&
			{ sudo -n true 2>/dev/null || { [ -t 2 ] && note "sudo is asked to install: $list" && sudo -v; }; } ||
			die "missing on this host: ${list% }; have root run: apt-get install ${list% }"
	fi
	progress_begin "packages: $(wc -w <<< "$list") to install"
	# shellcheck disable=SC2086
	{ $sudo apt-get -q update &&
		$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $list; } \
		2>&1 < /dev/null | count_lines $(($(wc -w <<< "$list") * 9)) '^(Get:|Unpacking |Setting up )' "$BUILD/packages.log"
	if [ "${PIPESTATUS[0]}" != 0 ]; then
		progress_clear
		grep -E '^(E|W|Err):' "$BUILD/packages.log" | tail -5 >&2
		die "the packages could not be installed: check the network, or install by hand: $list"
	fi
	progress_end
}

# ---- host tools ----

host_targets="cli/ring3 guest/r3init fs/ring3-fs net/nat/ring3-net net/switch/ring3-switch vsock/ring3-vsock unpack/ring3-unpack unpack/ring3-copy"

# setup_host TARGETS...
setup_host()
{
	local log=$BUILD/meson.log parts=

	# Built where there is its library.
	! pkg-config --exists libwebsockets 2>/dev/null || { set -- "$@" web/ring3-web; parts=web; }
	parts="${parts:-} "$(cd "$REPO" && ls -d ./*/meson.build net/*/meson.build tests/*/meson.build tests/unit/*/meson.build 2>/dev/null | tr '\n' ' ')
	if [ ! -e "$BUILD/build.ninja" ]; then
		progress_begin "configure host tools"
		if ! meson setup "$BUILD" "$REPO" > "$log" 2>&1; then
			# What an interrupted set-up left is no ground to build on.
			rm -rf "$BUILD/meson-private" "$BUILD/meson-info"
			meson setup "$BUILD" "$REPO" > "$log" 2>&1
		fi
	elif [ "$parts" != "$(cat "$BUILD/parts" 2>/dev/null)" ]; then
		progress_begin "configure host tools"
		meson setup --reconfigure "$BUILD" "$REPO" > "$log" 2>&1
	else
		true
	fi || {
		progress_clear
		tail -15 "$log" >&2
		die "the host tools cannot be configured: the whole log is $log"
	}
	printf '%s' "$parts" > "$BUILD/parts"
	[ "$progress_title" != "ring3: configure host tools" ] || progress_end

	progress_begin "host tools"
	ninja -C "$BUILD" "$@" 2>&1 < /dev/null | ninja_progress "$log"
	if [ "${PIPESTATUS[0]}" != 0 ]; then
		progress_clear
		grep -vE '^\[[0-9]+/[0-9]+\]|^ninja: Entering' "$log" | head -60 >&2
		die "the host tools did not build: the whole log is $log"
	fi
	progress_end
}

# ninja_progress LOG: from the [done/all] that starts a line
ninja_progress()
{
	local line

	while IFS= read -r line; do
		printf '%s\n' "$line"
		[[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] && progress $((BASH_REMATCH[1] * 100 / BASH_REMATCH[2]))
	done > "$1"
}

setup_initramfs()
{
	local agent=$BUILD/guest/r3init out=$BUILD/initramfs.cpio

	[ "$out" -nt "$agent" ] && [ "$out" -nt "$REPO/scripts/mkinitramfs" ] && return
	"$REPO/scripts/mkinitramfs" "$agent" "$out" || die "cannot write $out: free some space"
}

# ---- root disk ----

# root_begin PROFILE: it waits for the network and for one CPU mostly, so it is made while
# the kernel compiles. What goes wrong goes wrong again, and is said, when it is wanted.
root_begin()
{
	setsid "$REPO/scripts/mkroot" "$1" > "$BUILD/root.log" 2>&1 < /dev/null &
	root_pid=$!
	trap 'kill -- "-$root_pid" 2>/dev/null' EXIT
}

root_await()
{
	[ -n "${root_pid:-}" ] || return 0
	wait "$root_pid"
	trap - EXIT
	root_pid=
}

# ---- all of it ----

# stamp_write NAME TAG RESULT
stamp_write()
{
	mkdir -p "$BUILD/stamps"
	printf '%s\n%s\n' "$2" "$3" > "$BUILD/stamps/$1.tmp.$$" && mv "$BUILD/stamps/$1.tmp.$$" "$BUILD/stamps/$1" ||
		die "cannot write to $BUILD: make it writable and free some space"
}

# stamp_read NAME TAG: RESULT, if it was made from what TAG says and exists
stamp_read()
{
	local tag

	RESULT=
	[ -r "$BUILD/stamps/$1" ] || return
	{ IFS= read -r tag && IFS= read -r RESULT; } < "$BUILD/stamps/$1"
	[ "$tag" = "$2" ] && [ -e "$RESULT" ]
}

# tree_tag SOURCE: the state of a kernel tree that people work in, or nothing for a
# series, whose sources do not change
tree_tag()
{
	. "$REPO/kernel/build/source.sh"
	is_series "$1" || { source_clean "$1" && source_state "$1"; }
}

# setup KERNEL ROOT TARGETS...: KERNEL and ROOT are 1 when that part is wanted.
# Sets and exports RING3_KERNEL, RING3_INITRD, RING3_ROOT, RING3_MODULES,
# except those the caller has set, and sets RING3.
setup()
{
	local kernel=$1 root=$2 tag source=${RING3_SOURCE:-6.12} profile=${RING3_PROFILE:-machine}
	local kstamp ktag rstamp hstamp RESULT

	shift 2
	[ -z "${RING3_KERNEL:-}" ] || kernel=0
	[ -z "${RING3_ROOT:-}" ] || root=0
	CACHE=$(cache_dir) || exit
	BUILD=$(build_dir)
	RING3=$BUILD/cli/ring3
	tag=$(fingerprint)
	ktag=$tag
	[ $kernel = 0 ] || ktag+=$(tree_tag "$source") || exit
	kstamp=kernel-${source//\//_}${RING3_DEV:+-dev} rstamp=root-$profile hstamp=host-${1//\//_}

	if ! setup_load; then
		[ $kernel$root = 00 ] || make_writable "$CACHE"
		make_writable "$BUILD"
		with_lock "$BUILD/setup.lock"
		setup_packages
		[ $kernel$root != 11 ] || stamp_read "$kstamp" "$ktag" || stamp_read "$rstamp" "$tag" || root_begin "$profile"
		if ! stamp_read "$hstamp" "$tag"; then
			setup_host "$@"
			setup_initramfs
			stamp_write "$hstamp" "$tag" "$RING3"
		fi
		if [ $kernel = 1 ] && ! stamp_read "$kstamp" "$ktag"; then
			RESULT=$("$REPO/kernel/build.sh" --source "$source" ${RING3_DEV:+--dev}) || exit
			stamp_write "$kstamp" "$ktag" "$RESULT"
		fi
		root_await
		if [ $root = 1 ] && ! stamp_read "$rstamp" "$tag"; then
			RESULT=$("$REPO/scripts/mkroot" "$profile") || exit
			stamp_write "$rstamp" "$tag" "$RESULT"
		fi
		setup_load || die "the set-up's results vanished from $CACHE: try again"
	fi
	export RING3_INITRD=${RING3_INITRD:-$BUILD/initramfs.cpio}
}

# setup_load: uses setup's variables; what the last set-up left, if all of it
# is still what is wanted
setup_load()
{
	stamp_read "$hstamp" "$tag" && [ -e "$BUILD/initramfs.cpio" ] || return
	if [ $kernel = 1 ]; then
		stamp_read "$kstamp" "$ktag" && [ -e "$RESULT/vmlinux" ] && [ -e "$RESULT/modules.img" ] || return
		export RING3_KERNEL=$RESULT/vmlinux
		export RING3_MODULES=${RING3_MODULES:-$RESULT/modules.img}
	fi
	if [ $root = 1 ]; then
		stamp_read "$rstamp" "$tag" || return
		export RING3_ROOT=$RESULT
	fi
}
