#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Debug registers: a program finds its breakpoints hit as on this machine, each
# once, with one vCPU and two, with rewriting and without.
# timeout: 240
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

# program NAME COMMAND...: all checks of the program hold where COMMAND runs it
program()
{
	local what=$1 out
	shift
	out=$("$@" < "$here/breakpoints.c" 2>&1)
	if grep -q '^1\.\.[1-9]' <<< "$out" && ! grep -q -v -e '^ok' -e '^1\.\.' <<< "$out"; then
		ok "$what"
	else
		not_ok "$what"
		tail -20 <<< "$out" | diag
	fi
}

run_it='cd /tmp && gcc -O1 -x c -o breakpoints - && timeout 40 ./breakpoints
	dmesg | grep -E "BUG|WARNING:|Oops|segfault"'
GUEST_TIMEOUT=60
for cpus in 1 2; do
	program "$cpus CPUs" guest --mem 512M --cpus $cpus -- sh -c "$run_it"
done
program "rewriting off" guest --mem 512M --append ring3_rewrite=0 -- sh -c "$run_it"
# What the program expects is what an x86-64 does.
native()
{
	gcc -O1 -x c -o "$T/breakpoints" - && timeout 40 "$T/breakpoints" no-int1
}
program natively native
done_testing
