#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 180
# Dumps of a running and of a panicked guest.
. "$(dirname "$0")/../lib.sh"

"$RING3" run --net none --cpus 2 --name d1 --timeout 150 -- sleep 140 2> "$T/err" &
for i in $(seq 300); do
	"$RING3" ps | grep -q '^d1 .*running' && break
	sleep 0.1
done
check "a dump of a running guest" "$RING3" dump d1 "$T/core"
is "$(stat -c %a "$T/core")" 600 "it is its owner's alone"
check "what the guest never touched is no part of it" test "$(du -k "$T/core" | cut -f1)" -lt 400000
notes=$(readelf -nW "$T/core" 2>&1)
is "$(grep -c NT_PRSTATUS <<< "$notes")" 2 "it has the registers of each vCPU"
like "$notes" VMCOREINFO "and VMCOREINFO"
is "$("$RING3" exec d1 -- echo on)" on "the guest goes on"
status 1 "a file that is there" "$RING3" dump d1 "$T/core"
like "$(cat "$T/check.out")" 'there is a file .* already' "... is left as it is"
status 1 "no room for a dump" sh -c "ulimit -f 8; exec '$RING3' dump d1 '$T/small'"
like "$(cat "$T/check.out")" 'cannot write the dump .*small' "... is said"
is "$(ls "$T" | grep -c small)" 0 "and nothing is left of it"
symbols=$RING3_KERNEL.debug
[ -e "$symbols" ] || symbols=$RING3_KERNEL
if command -v gdb > /dev/null; then
	out=$(gdb -nx -q -batch -ex 'info threads' -ex 'x/s (char *)&linux_banner' -ex 'x/s (char *)($gs_base)' "$symbols" "$T/core" 2>&1)
	is "$(grep -cE '^[* ] +[12] +LWP' <<< "$out")" 2 "gdb opens it: two threads"
	like "$out" 'Linux version [0-9]' "and the kernel's memory by its symbols"
else
	skip "gdb opens it" "no gdb on this host: install the Debian package gdb"
fi
"$RING3" stop -f d1
wait

mkdir "$T/dir"
status 121 "a guest that panics with --dump-on-panic" guest --net none --dump-on-panic "$T/dir" -- sh -c 'echo c > /proc/sysrq-trigger; sleep 20'
like "$(cat "$T/check.out")" "the panicked guest's memory is in $T/dir/.*\.core" "... says where its memory is"
check "and there it is" readelf -nW "$T"/dir/*.core
check "with the panic in its log" grep -qa 'Kernel panic - not syncing: sysrq' "$T"/dir/*.core
mkdir "$T/again"
check "one that is started again and again" "$RING3" run -d --name d2 --mem 96M --net none --restart always --dump-on-panic "$T/again" -- sh -c 'sleep 0.2; echo c > /proc/sysrq-trigger; sleep 20'
for i in $(seq 600); do
	"$RING3" logs d2 2>&1 | grep -q 'none is written' && break
	sleep 0.1
done
"$RING3" kill d2
is "$(ls "$T/again" | wc -l)" 3 "leaves three dumps, and says so"
"$RING3" rm d2

# Who writes the dump is slow here: it is stopped.
mkdir "$T/slow"
check "one that is dumped" "$RING3" run -d --name d3 --mem 96M --net none --dump-on-panic "$T/slow" -- sh -c 'sleep 1; echo c > /proc/sysrq-trigger; sleep 20'
pid=$("$RING3" ps --json | sed -n 's/.*"name":"d3".*"pid":\([0-9]*\).*/\1/p') writer=
for i in $(seq 1000); do
	writer=$(pgrep -P "$pid" -x ring3) && kill -STOP "$writer" && break
	sleep 0.01
done
check "its dump is being written" test -n "$writer"
like "$("$RING3" ps)" 'd3 .*running' "answers meanwhile"
check "is stopped without waiting for it" timeout 10 "$RING3" stop d3
is "$(ls -A "$T/slow" | wc -l)" 0 "and no half of it is left"
"$RING3" rm d3

status 125 "a directory that is not there" guest --dump-on-panic "$T/none" -- true
like "$(cat "$T/check.out")" '--dump-on-panic: cannot write to the directory' "... is named"
done_testing
