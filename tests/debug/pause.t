#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 120
# A paused guest costs nothing, and its time stands still.
. "$(dirname "$0")/../lib.sh"

"$RING3" run --net none --cpus 2 --name p1 --timeout 100 -- sh -c 'while :; do :; done' 2> "$T/err" &
for i in $(seq 300); do
	"$RING3" ps | grep -q '^p1 .*running' && break
	sleep 0.1
done
monitor=$("$RING3" ps -j | sed -n 's/.*"monitor":\([0-9]*\).*/\1/p')

# Of the monitor and all spaces, in ticks.
cpu_time()
{
	local pid sum=0

	for pid in $monitor $(pgrep -P "$monitor"); do
		sum=$((sum + $(cut -d')' -f2- "/proc/$pid/stat" | awk '{print $12 + $13}')))
	done
	echo $sum
}
mono() { "$RING3" exec p1 -- awk '{print int($1 * 1000)}' /proc/uptime; }
wall() { echo $(($("$RING3" exec p1 -- date +%s%3N) - $(date +%s%3N))); }

before_wall=$(wall)
before=$(mono)
host=$(date +%s%3N)
check "a busy guest is paused" "$RING3" pause p1
like "$("$RING3" ps)" '^p1 .* paused' "ring3 ps shows it"
used=$(cpu_time)
status 1 "a second pause" "$RING3" pause p1
status 1 "a debugger of a paused guest" "$RING3" debug --stdio p1
like "$(cat "$T/check.out")" 'paused: "ring3 resume p1" first' "... is told what to do"
sleep 5
is "$(cpu_time)" "$used" "it uses no CPU time meanwhile"
check "it is resumed" "$RING3" resume p1
passed=$(($(mono) - before))
host=$(($(date +%s%3N) - host))
drift=$(($(wall) - before_wall))
check "its time stood still ($passed of $host ms)" test $((host - passed)) -ge 4900
check "its wall clock is right ($drift ms off)" test ${drift#-} -lt 1000
is "$("$RING3" exec p1 -- dmesg | grep -cE 'lockup|stall|blocked for|does not answer')" 0 "no watchdog said anything"
like "$("$RING3" exec p1 -- dmesg)" 'held from outside for [4-9]\.' "its log says for how long it was held"
status 1 "a second resume" "$RING3" resume p1
"$RING3" pause p1
check "a paused guest is stopped" "$RING3" stop -t 20 p1
wait
done_testing
