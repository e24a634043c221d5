#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The builders' stdout is one path for their callers, whatever mke2fs and
# others print there.
. "$(dirname "$0")/../lib.sh"

. "$(dirname "$0")/fakebuild.sh"

fake_builder
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
