#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 3600
# tags: slow extra
# KUnit's default suites of mainline, by mainline's kunit.py.
. "$(dirname "$0")/../lib.sh"
"$RING3" kunit --source "${RING3_SOURCE:-6.12}" -- --timeout=600 > "$T/out" 2>&1
is $? 0 "all suites pass" || diag "$(tail -30 "$T/out")"
like "$(cat "$T/out")" 'Testing complete\. Ran [0-9]{2,} tests: passed: [0-9]{2,}' "... and there are some"
done_testing
