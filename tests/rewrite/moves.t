#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Rewritten calls whose page or table goes while threads make them; files that are read
# for a proof. What the program expects is what an x86-64 does: also run on this machine.
# timeout: 240
# tags: slow
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

program()
{
	local what=$1 out
	shift
	out=$("$@" < "$here/moves.c" 2>&1)
	if grep -q '^1\.\.[1-9]' <<< "$out" && ! grep -q -v -e '^ok' -e '^1\.\.' <<< "$out"; then
		ok "$what"
	else
		not_ok "$what"
		tail -20 <<< "$out" | diag
	fi
}

run_it='cd /tmp && gcc -O1 -pthread -x c -o moves - && ./moves 2
	dmesg | grep -E "BUG|WARNING:|Oops"'
for cpus in 1 2 4; do
	GUEST_TIMEOUT=60 program "$cpus CPUs" guest --mem 512M --cpus $cpus -- sh -c "$run_it"
done
GUEST_TIMEOUT=60 program "rewriting off" guest --mem 512M --append ring3_rewrite=0 -- sh -c "$run_it"
native()
{
	gcc -O1 -pthread -x c -o "$T/moves" - && "$T/moves" 1
}
program natively native
done_testing
