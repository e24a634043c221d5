#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs that look for a difference to an x86-64 in what the port does itself:
# registers across signals, stores to user memory, wake-ups, equal pages, small system calls.
# timeout: 400
# tags: slow
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)/program
full=${RING3_TEST_FULL:-0}

# program NAME ARGUMENTS CPUS...: all checks of the program hold, and the kernel has nothing to say
program()
{
	local name=$1 args=$2 cpus out
	shift 2
	for cpus; do
		out=$(guest --mem 512M --cpus "$cpus" -- sh -c "cd /tmp && gcc -O1 -pthread -x c -o $name - && timeout 70 ./$name $args
			dmesg | grep -E 'BUG|WARNING:|Oops|segfault'" < "$here/$name.c" 2>&1)
		if grep -q '^1\.\.[1-9]' <<< "$out" && ! grep -q -v -e '^ok' -e '^#' -e '^1\.\.' <<< "$out"; then
			ok "$name, $cpus CPUs"
		else
			not_ok "$name, $cpus CPUs"
			tail -20 <<< "$out" | diag
		fi
	done
}

seconds=3
[ "$full" = 0 ] || seconds=15
GUEST_TIMEOUT=90
program vectors "" 1 2
program words $seconds 2
program requeue $((seconds * 2)) 1 2 4
program requeue_all 1 1 2
program ksm 4 1 2
program messages "1 50 process" 1 2
program messages "1 50 thread" 1 2
program uapi "" 1
done_testing
