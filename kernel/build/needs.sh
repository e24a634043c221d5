# SPDX-License-Identifier: GPL-2.0-or-later
# What a build needs of the host, and a guest of its kernel; to be sourced.

# Without one of these the agent does not get to a shell, or finds no root.
CONFIG_NEEDS="BLK_DEV_INITRD BINFMT_ELF PROC_FS SYSFS DEVTMPFS TMPFS EPOLL SIGNALFD UNIX98_PTYS VIRTIO VIRTIO_CONSOLE VIRTIO_BLK EXT4_FS"

# tools_check: programs that every build needs
tools_check()
{
	local tool package missing=

	while read -r tool package; do
		command -v "$tool" > /dev/null || missing+=" $package"
	done <<-EOT
	gcc gcc
	ld binutils
	make make
	flex flex
	bison bison
	bc bc
	perl perl
	python3 python3
	xz xz-utils
	depmod kmod
	mke2fs e2fsprogs
	EOT
	[ -e /usr/include/stdio.h ] || missing+=" libc6-dev"
	[ -z "$missing" ] || die "missing on this host: what is in${missing// / }; have root run: apt-get install$missing"
}

# tree_check TREE: whether the host's compiler and linker are new enough for it
tree_check()
{
	local min=$1/scripts/min-tool-version.sh tool want have

	[ -r "$min" ] || return 0
	for tool in gcc binutils; do
		# The script knows other architectures by SRCARCH only.
		want=$(SRCARCH=ring3 sh "$min" $tool 2> /dev/null) || continue
		case $tool in
		gcc) have=$(gcc -dumpfullversion) ;;
		binutils) have=$(ld --version | sed -n '1s/.* \([0-9][0-9.]*\)[^ ]*$/\1/p') ;;
		esac
		[ "$(printf '%s\n' "$want" "$have" | sort -V | head -1)" = "$want" ] ||
			die "$(source_version "$1") needs $tool $want or newer, and this host has $have: put a newer one into PATH, or build an older kernel"
	done
}

# fragments_check FRAGMENT...: programs that options of theirs need; configuring would drop those silently
fragments_check()
{
	[ $# = 0 ] || ! grep -qx 'CONFIG_DEBUG_INFO_BTF=y' "$@" || command -v pahole > /dev/null ||
		die "CONFIG_DEBUG_INFO_BTF in $(grep -lx 'CONFIG_DEBUG_INFO_BTF=y' "$@" | head -1) needs the program pahole: install Debian's package dwarves or pahole"
}

# config_needs CONFIG FRAGMENT...: end unless a guest can run with it
config_needs()
{
	local config=$1 o lost= where

	shift
	for o in $CONFIG_NEEDS; do
		grep -q "^CONFIG_$o=y" "$config" || lost+=" $o"
	done
	[ -n "$lost" ] || return 0
	o=${lost# } o=${o%% *}
	where=$([ $# = 0 ] || grep -lE "^# CONFIG_$o is not set|^CONFIG_$o=[^y]" "$@" | head -1)
	die "the configuration drops what ring3 needs, built in:$lost; take that out of ${where:-the configuration fragments}"
}
