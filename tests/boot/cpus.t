#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Guests of 1 to 64 CPUs, more than this host has: each CPU runs programs, system
# calls come back right from each, and the guest ends however it is ended.
# timeout: 1000
. "$(dirname "$0")/../lib.sh"
GUEST_TIMEOUT=100
complaints="WARNING:|BUG:|Oops|stall|soft lockup|ended a guest process|does not answer"

# A fork, an exec and some output from every CPU; threads and pipes on all at once.
each='n=$(nproc); for i in $(seq 0 $((n - 1))); do
	got=$(taskset -c $i sh -c "read a < /proc/self/stat; set -- \$a; shift 38; echo \$1 \$(seq 200 | md5sum | cut -c1-8)")
	[ "$got" = "$i $want" ] || echo "CPU $i: $got"
done
for i in $(seq $n); do seq 20000 | md5sum & done | sort | uniq -c | (read k rest; [ "$k" = $n ] || echo "$k of $n")
dmesg | grep -E "'$complaints'"
echo "all of $n"'
want=$(seq 200 | md5sum | cut -c1-8)

for cpus in 1 3 6 9 10 16 64; do
	is "$(guest --mem 1G --cpus $cpus -- sh -c "want=$want; $each" 2>&1 < /dev/null)" "all of $cpus" "$cpus CPUs"
done

busy='for i in $(seq 16); do (while :; do x=$(echo); done) & done; sleep 1'
status 121 "a panic of a busy guest with 8 CPUs" guest --cpus 8 -- sh -c "$busy; echo c > /proc/sysrq-trigger; sleep 50"
status 120 "its power-off" guest --cpus 8 -- sh -c "$busy; echo o > /proc/sysrq-trigger; sleep 50"
done_testing
