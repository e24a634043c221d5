#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The builders' stdout is one path for their callers, whatever mke2fs and
# others print there.
. "$(dirname "$0")/../lib.sh"

# A kernel build with its long parts replaced; packing and installing are real.
mkdir -p "$T/repo/kernel" "$T/cache/ring3/src" "$T/tree/include"
cp -r "$REPO/scripts" "$REPO/abi" "$T/repo/"
cp -r "$REPO/kernel/build" "$REPO/kernel/configs" "$REPO/kernel/arch" "$T/repo/kernel/"
printf 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n' > "$T/tree/Makefile"
: > "$T/tree/Kconfig"
cp "$RING3_KERNEL" "$T/vmlinux"
{
	sed '$d' "$REPO/kernel/build.sh"
	cat <<-'EOF'
	need_space() { :; }
	source_overlay() { :; }
	configure() { echo noise; mkdir -p "$OBJ/include/config"; echo 6.12.1 > "$OBJ/include/config/kernel.release"; : > "$OBJ/.config"; }
	compile() { echo noise; cp "$VMLINUX" "$OBJ/vmlinux"; }
	kmake() { echo noise; mkdir -p "$OBJ/modules.stage/lib/modules/6.12.1"; : > "$OBJ/modules.stage/lib/modules/6.12.1/modules.dep"; }
	main "$@"
	EOF
} > "$T/repo/kernel/build.sh"

is "$(tail -1 "$REPO/kernel/build.sh")" 'main "$@"' "the builder ends where this test cuts it"
build()
{
	VMLINUX=$T/vmlinux XDG_CACHE_HOME=$T/cache bash "$T/repo/kernel/build.sh" --source "$T/tree" 2> "$T/err"
}

out=$(build)
is "$?" 0 "it builds"
is "$(wc -l <<< "$out")" 1 "and prints one line"
check "the path of a kernel" test -s "$out/vmlinux"
check "with modules" test -s "$out/modules.img"
is "$(cat "$out/release")" 6.12.1 "of its release"
is "$(build)" "$out" "the second time it is there"
is "$(ls "$T/cache/ring3/kernel" | grep -c '^build\.')" 0 "no unfinished build is left"

printf '\nx\n' >> "$T/repo/abi/ring3/boot.h"
check "another abi is another kernel" test "$(build)" != "$out"
is "$("$REPO/scripts/mkroot" --key | wc -l)" 1 "a root disk's path is one line too"
done_testing
