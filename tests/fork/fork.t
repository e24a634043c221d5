#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Processes that fork again and again: what is learnt of them, and spaces that serve
# a second time, change nothing that a program could see. On one, two and four vCPUs,
# with several such programs at once, and on this machine.
# timeout: 240
# tags: slow
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

# program NAME COMMAND...: what COMMAND prints of the program's checks
program()
{
	local what=$1 out
	shift
	out=$("$@" < "$here/fork.c" 2>&1)
	if ! grep -v -e '^ok' -e '^1\.\.' <<< "$out" | grep -q . && grep -q '^1\.\.[1-9]' <<< "$out"; then
		ok "$what"
	else
		not_ok "$what"
		grep -v '^ok' <<< "$out" | tail -20 | diag
	fi
}

run_it='cd /tmp && gcc -O1 -pthread -x c -o fork - && ./fork /tmp/file
	dmesg | grep -E "BUG|WARNING:|Oops|segfault|space"'
for cpus in 1 2 4; do
	GUEST_TIMEOUT=60 program "$cpus CPUs" guest --mem 512M --cpus $cpus -- sh -c "$run_it"
done
# A fork holds pages of the parent while it copies them, and lets go of each.
pins='awk "/nr_foll_pin/ { n[NR] = \$2; if (n[NR - 1] != \"\" && n[NR - 1] != \$2) print \"pages are still held:\", n[NR - 1], \$2 }" /proc/vmstat
	grep -q "nr_foll_pin_acquired [1-9]" /proc/vmstat || echo none was held'
GUEST_TIMEOUT=60 program "forks that fail half-way" guest --mem 512M -- sh -c "cd /tmp && gcc -O1 -pthread -x c -o fork - && ./fork refused; $pins"
several='cd /tmp && gcc -O1 -pthread -x c -o fork - && for i in 1 2 3 4 5 6; do ./fork /tmp/file$i > out$i & done; wait
	cat out?; dmesg | grep -E "BUG|WARNING:|Oops|segfault|space"'
GUEST_TIMEOUT=90 program "six at once on 2 CPUs" guest --mem 512M --cpus 2 -- sh -c "$several"
native()
{
	gcc -O1 -pthread -x c -o "$T/fork" - && "$T/fork" "$T/file"
}
program natively native
done_testing
