#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tree.sh DIR: for "ring3 run -k DIR". Prints the path of the vmlinux that was built in the kernel
# tree or build directory DIR, and in the next line that of an image of its modules, if it has
# any. On failure, prints one sentence for the user.
set -uo pipefail
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$REPO/scripts/lib.sh"
. "$REPO/kernel/build/modules.sh"

die()
{
	printf '%s\n' "$*" >&4
	exit $SETUP_FAILED
}

# arch_of DIR: which architecture it was configured for, as the head of its configuration says
arch_of()
{
	sed -n '3s|^# Linux/\([^ ]*\) .*|\1|p' "$1/.config" 2> /dev/null
}

main()
{
	local dir arch base image

	exec 4>&1 >&2
	dir=$(realpath "$1") || die "there is no directory $1"
	arch=$(arch_of "$dir")
	if [ -n "$arch" ] && [ "$arch" != ring3 ]; then
		die "$1 was built for $arch, and a guest needs ring3: make mrproper there and build with \"ring3 kernel build --source $1\", or use a build directory of its own (make O=)"
	elif [ ! -e "$dir/vmlinux" ] && [ -f "$dir/Kconfig" ] && [ -f "$dir/Makefile" ]; then
		die "no kernel was built of $1 yet: ring3 kernel build --source $1"
	elif [ ! -e "$dir/vmlinux" ]; then
		die "there is no vmlinux in $1: name a kernel tree that was built, or a build directory of one"
	elif [ ! -e "$dir/include/config/auto.conf" ]; then
		die "$1 is no build directory, though it has a vmlinux: name that file, with its modules by --modules"
	elif ! grep -q '^CONFIG_RING3=y' "$dir/include/config/auto.conf"; then
		die "the kernel in $1 was built for another architecture than ring3: build with \"ring3 kernel build --source $1\""
	fi
	printf '%s\n' "$dir/vmlinux" >&4
	grep -q '^CONFIG_MODULES=y' "$dir/include/config/auto.conf" && [ -s "$dir/modules.order" ] || exit 0
	base=$(cache_dir)/trees || exit
	make_writable "$base"
	base+=/$(sha256sum <<< "$dir" | cut -c1-16)
	mkdir -p "$base"
	image=$base/modules.img
	if ! modules_fresh "$dir" "$image"; then
		with_lock "$base/lock"
		modules_fresh "$dir" "$image" || modules_pack "$dir" "$base/stage/lib/modules" "$image"
	fi
	printf '%s\n' "$image" >&4
}

main "$@"
