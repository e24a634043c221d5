#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The collector must not call a run good that was not.
. "$(dirname "$0")/../lib.sh"

collector=$REPO/tests/run
mkdir -p "$T/repo/tests/demo" "$T/runtime"

# collect BODY [CI]: the collector's output on one test with that body
collect()
{
	printf '#!/bin/sh\n# timeout: 2\n%s\n' "$1" > "$T/repo/tests/demo/x.t"
	chmod +x "$T/repo/tests/demo/x.t"
	env CI="${2:-}" REPO="$T/repo" BUILD="$T/build" PATH="$T/bin:$PATH" "$collector" demo 2>&1
}

# The collector asks meson for unit tests; here there are none.
mkdir -p "$T/bin" "$T/build"
printf '#!/bin/sh\necho "[]"\n' > "$T/bin/meson"
chmod +x "$T/bin/meson"

totals()
{
	collect "$@" | tail -1
}

is "$(totals 'printf "1..2\nok 1\nok 2 - b\n"')" "2 passed, 0 failed" "passes are counted"
is "$(totals 'printf "1..2\nok 1\nnot ok 2 - b\n"')" "1 passed, 1 failed" "failures are counted"
is "$(totals 'printf "1..3\nok 1\n"')" "1 passed, 1 failed" "fewer tests than planned fail"
is "$(totals 'printf "ok 1\n"')" "1 passed, 1 failed" "no plan fails"
is "$(totals 'printf "1..1\nok 1\n"; exit 3')" "1 passed, 1 failed" "an exit status fails"
is "$(totals 'printf "1..1\nok 1\n"; kill -9 $$')" "1 passed, 1 failed" "a signal fails"
is "$(totals 'sleep 30')" "0 passed, 2 failed" "no end fails"
is "$(totals 'printf "1..1\nok 1\n"; setsid sleep 60 & exit 0')" "1 passed, 1 failed" "a process left behind fails"
is "$(totals 'printf "1..2\nok 1\nok 2 - b # SKIP no reason\n"')" "1 passed, 0 failed, 1 skipped" "skips are counted"
is "$(totals 'printf "1..2\nok 1\nok 2 - b # SKIP no reason\n"' true)" "1 passed, 1 failed" "a skip in CI fails"
is "$(totals 'printf "1..2\nok 1\nok 2 - b # SKIP host: no KVM\n"' true)" "1 passed, 0 failed, 1 skipped" \
	"a skip for what the host lacks does not"
like "$(collect 'printf "1..1\nok 1 - b # SKIP why not\n"')" "demo/x: b: why not" "the reason is shown"
like "$(collect 'printf "1..2\nnot ok 1 - b\n# got: 7\nok 2 - c\n# of c\n"' | grep -A1 'not ok: b')" '# got: 7' \
	"a failure is shown with its diagnostics"
status 1 "no test run is a failure" eval 'collect "echo 1..0 # SKIP nothing" > /dev/null'
status 2 "an unknown name is refused" env REPO="$T/repo" BUILD="$T/build" PATH="$T/bin:$PATH" "$collector" nonesuch
done_testing
