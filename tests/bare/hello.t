#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A bare guest (tests/bare) prints its own TAP; the guest's end is the last test.
. "$(dirname "$0")/../lib.sh"
truncate -s 1M "$T/disk"
guest --kernel "$BUILD/tests/bare/hello" --init /none --early-console --root "$T/disk" --cpus 2 --mem 64M \
	2> "$T/out" < /dev/null
rc=$?
grep -v '^1\.\.' "$T/out"
TAP_N=$(grep -cE '^(not )?ok ' "$T/out")
TAP_BAD=$(grep -c '^not ok ' "$T/out")
like "$(cat "$T/out")" '^1\.\.9$' "all of it ran"
is $rc 0 "and it powered off"
done_testing
