#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 900
# tags: slow extra
# ring3 selftest: a report in KTAP, and an exit status.
. "$(dirname "$0")/../lib.sh"
command -v rsync > /dev/null || skip_all "host: no rsync"
"$RING3" selftest --source "${RING3_SOURCE:-6.12}" --kernel "$RING3_KERNEL" --root / size openat2 > "$T/out" 2> "$T/err"
is $? 0 "selftests pass" || diag "$(tail -30 "$T/out" "$T/err")"
like "$(head -1 "$T/out")" '^TAP version 13' "the report is KTAP"
like "$(cat "$T/out")" '^ok 1 selftests: size: get_size' "... with a line for each test"
done_testing
