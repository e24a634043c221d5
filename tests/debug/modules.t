#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 3600
# tags: slow extra
# gdb knows modules by itself, and stops in a module's init function. Builds a kernel with DWARF.
. "$(dirname "$0")/../lib.sh"
command -v gdb > /dev/null || skip_all "host: no gdb"
dir=$("$REPO/kernel/build.sh" --source "${RING3_SOURCE:-6.12}" --debug)
is $? 0 "a kernel with DWARF"
"$RING3" run -k "$dir" --net none --name mod --timeout 300 -- sh -c 'while [ ! -e /tmp/go ]; do sleep 0.2; done; modprobe dummy; echo inserted' > "$T/out" 2> "$T/err" &
for i in $(seq 300); do
	"$RING3" exec mod -- true 2> /dev/null && break
	sleep 0.1
done
"$RING3" exec mod -- sh -c '(sleep 20; touch /tmp/go) > /dev/null 2>&1 &'
printf '%s\n' 'set pagination off' 'set breakpoint pending on' 'tbreak dummy_init_module' continue 'bt 4' 'info symbol $rip' detach > "$T/gdb.in"
out=$(timeout 200 "$RING3" debug mod -- -nx -batch -x "$T/gdb.in" 2>&1)
like "$out" 'loading @0x[0-9a-f]+: .*/modules.debug/dummy\.ko' "symbols of a module that is loaded"
like "$out" 'Temporary breakpoint 1.*(dummy_init_module|init_module) \(\)' "a breakpoint in its init function"
like "$out" '\.init\.text of .*dummy\.ko' "... is where that is"
wait
is "$(cat "$T/out")" inserted "the guest goes on"
done_testing
