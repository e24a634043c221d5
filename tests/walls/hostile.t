#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Guest user code that knows the stub and tries to break it: at worst its own
# process ends, the guest goes on and its kernel finds nothing wrong.
# timeout: 240
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

# attack CPUS NAME SCRIPT: compiles NAME.c in the guest as ./a and runs SCRIPT
attack()
{
	GUEST_TIMEOUT=60 guest --mem 2G --cpus "$1" --append slub_debug=FZ -- sh -c '
		cd /tmp && gcc -O1 -static -pthread -w -x c -o a - || exit 99
		'"$3"'
		dmesg | grep -E "BUG|WARNING:|Oops|corrupt|Redzone" && echo "kernel unhappy"
		echo goes on' < "$here/$2.c" 2>/dev/null
}

for cpus in 1 2; do
	out=$(attack $cpus mask './a > log & sleep 0.5; kill -9 $!; wait $!; echo "status $?"')
	is "$out" "status 137
goes on" "masked stop signal, $cpus CPUs"

	out=$(attack $cpus scribble "./a 3 $cpus > log; echo done")
	is "$out" "done
goes on" "slots scribbled on, $cpus CPUs"

	out=$(attack $cpus stale './a 30000 | grep -v limit; echo done')
	is "$out" "madv: 0 wrong
fork: 0 wrong, child 0
mprotect: 0 writes passed
done
goes on" "pages taken away are gone, $cpus CPUs"
done

out=$(attack 2 race './a 3 > log; echo "status $?"')
is "$out" "status 0
goes on" "memory given back under writers"
done_testing
