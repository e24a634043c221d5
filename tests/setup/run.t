#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: alone
# ./run when everything is there already, and when its surroundings are bad.
. "$(dirname "$0")/../lib.sh"

# What ./test exports would hide ./run's own set-up.
unset RING3_INITRD
run=$REPO/run

"$run" --help > "$T/help" 2> "$T/err"
is $? 0 "--help works"
like "$(head -1 "$T/help")" "sage" "and says how it is used"

start=$(date +%s%N)
"$run" --help > /dev/null 2> "$T/err"
ms=$((($(date +%s%N) - start) / 1000000))
check "a second run is ready in $ms ms (300 allowed)" [ $ms -lt 300 ]
is "$(cat "$T/err")" "" "without a word"

# No set-up must reach stdout, which is the guest command's.
out=$(RING3_KERNEL='' RING3_ROOT='' XDG_CACHE_HOME=/proc/1/x "$run" -- true 2> "$T/err")
is "$?" 125 "a read-only cache: exit status 125"
is "$out" "" "nothing on stdout"
like "$(tail -1 "$T/err")" '^ring3: .*XDG_CACHE_HOME' "and one sentence with the way out"

out=$(RING3_KERNEL='' RING3_ROOT=/dev/null RING3_SOURCE=$T "$run" -- true 2>&1 > /dev/null)
is $? 125 "a --source that is no kernel: exit status 125"
like "$(tail -1 <<< "$out")" 'not a Linux source tree' "and says so"

pids=()
for _ in 1 2 3 4; do
	"$run" --help > "$T/help.$_" 2>&1 &
	pids+=($!)
done
bad=0
for pid in "${pids[@]}"; do
	wait "$pid" || bad=$((bad + 1))
done
is $bad 0 "four at once"
done_testing
