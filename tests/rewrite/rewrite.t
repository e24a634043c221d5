#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Rewritten system calls: a program that looks for a difference finds none, with
# one, two, four and nine vCPUs; and the same with rewriting off, and on this machine.
# timeout: 240
# tags: slow
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

# program CALLS NAME COMMAND...: what COMMAND prints of the program's checks,
# in which calls are said to be CALLS
program()
{
	local calls=$1 what=$2 out bad
	shift 2
	out=$("$@" < "$here/rewrite.c" 2>&1)
	bad=$(grep -v '^ok' <<< "$out" | grep -v -e '^1\.\.' -e "^# calls are $calls\$")
	if grep -q "^# calls are $calls\$" <<< "$out" && [ -z "$bad" ] && grep -q '^1\.\.[1-9]' <<< "$out"; then
		ok "$what"
	else
		not_ok "$what"
		tail -20 <<< "$out" | diag
	fi
}

run_it='cd /tmp && gcc -O1 -pthread $LINK -x c -o rewrite - && ./rewrite /tmp/file
	dmesg | grep -E "BUG|WARNING:|Oops|segfault"'

# ./test --append ring3_rewrite=0
on=rewritten
[[ " ${RING3_TEST_APPEND:-} " == *" ring3_rewrite=0 "* ]] && on="as they were"
for cpus in 1 2 4 9; do
	for link in "" -static; do
		GUEST_TIMEOUT=60 program "$on" "$cpus CPUs $link" guest --mem 1G --cpus $cpus -- sh -c "LINK=$link; $run_it"
	done
done
GUEST_TIMEOUT=60 program "as they were" "rewriting off" guest --mem 1G --append ring3_rewrite=0 -- sh -c "LINK=; $run_it"
# What the program expects is what an x86-64 does.
native()
{
	gcc -O1 -pthread -x c -o "$T/rewrite" - && "$T/rewrite" "$T/file"
}
program "as they were" natively native
done_testing
