#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 240
# gdb on a guest's kernel, with a kernel that has symbols and no types.
. "$(dirname "$0")/../lib.sh"
command -v gdb > /dev/null || skip_all "no gdb on this host: install the Debian package gdb"

# start NAME OPTIONS...: a guest that counts in $T/NAME.out, in the background
start()
{
	local name=$1 i

	shift
	"$RING3" run --net none --name "$name" --timeout 200 "$@" > "$T/$name.out" 2> "$T/$name.err" &
	for i in $(seq 300); do
		"$RING3" ps -j | grep -q "\"name\":\"$name\",.*\"state\":\"\(running\|held\)\"" && return
		sleep 0.1
	done
	diag < "$T/$name.err"
}

# gdb NAME: commands from stdin
gdb()
{
	{ echo "set pagination off"; echo "set confirm off"; cat; } > "$T/gdb.in"
	timeout 60 "$RING3" debug "$1" -- -nx -batch -x "$T/gdb.in" 2>&1
}

# goes_on NAME: it counts, and nothing went wrong in its kernel
goes_on()
{
	local before after i

	before=$(tail -1 "$T/$1.out")
	for i in $(seq 100); do
		sleep 0.1
		after=$(tail -1 "$T/$1.out")
		[ "$after" != "$before" ] && break
	done
	[ "$after" != "$before" ] && ! "$RING3" exec "$1" -- dmesg | grep -E 'BUG|Oops|WARNING|lockup|stall|blocked for'
}

loop='n=0; while :; do cat /etc/hostname > /dev/null; n=$((n+1)); [ $((n % 10)) = 0 ] && echo $n; done'

# ---- breakpoints ----

start g1 --cpus 2 -- sh -c "$loop"
out=$(gdb g1 <<-'EOF'
	info threads
	break do_sys_openat2
	continue
	printf "ARGS %d %s\n", (int)$rdi, (char *)$rsi
	bt
	stepi
	stepi
	info symbol $rip
	finish
	printf "RESULT %d\n", (int)$rax
	delete
	watch *(unsigned long *)&jiffies
	continue
	continue
	delete
	hbreak vfs_read
	continue
	info symbol $rip
EOF
)
like "$out" '2 +Thread 2 "vcpu1"' "the vCPUs are threads, by their names"
like "$out" 'hit Breakpoint 1, .*do_sys_openat2' "a software breakpoint"
like "$out" 'ARGS -100 /' "its arguments, a string in user memory among them"
like "$out" '#[0-9]+ .* (do_syscall|do_fast) ' "a backtrace down to where user code entered the kernel"
like "$out" 'do_sys_openat2 \+ [1-9]' "single steps"
like "$out" 'RESULT -?[0-9]+' "the end of a function, and what it returns"
is "$(grep -c 'hit Hardware watchpoint' <<< "$out")" 2 "a watchpoint, hit twice"
like "$out" 'vfs_read.* in section' "a hardware breakpoint"
check "the guest goes on afterwards, and nothing went wrong in its kernel" goes_on g1
[ $TAP_BAD = 0 ] || diag "$out"

# ---- time ----

mono() { "$RING3" exec g1 -- awk '{print int($1 * 1000)}' /proc/uptime; }
wall() { echo $(($("$RING3" exec g1 -- date +%s%3N) - $(date +%s%3N))); }
before_wall=$(wall)
before=$(mono)
host=$(date +%s%3N)
gdb g1 <<-'EOF' > /dev/null
	shell sleep 6
EOF
passed=$(($(mono) - before))
host=$(($(date +%s%3N) - host))
drift=$(($(wall) - before_wall))
check "six seconds in gdb are none in the guest ($passed of $host ms)" test $((host - passed)) -ge 5900
check "its wall clock is right then ($drift ms off)" test ${drift#-} -lt 1000
check "no watchdog said anything" goes_on g1

# ---- whoever debugs is killed ----

timeout 60 "$RING3" debug g1 -- -nx -batch -ex 'break do_sys_openat2 if (int)$rdi == 12345' -ex continue > "$T/killed" 2>&1 &
for i in $(seq 100); do
	grep -q Breakpoint "$T/killed" && break
	sleep 0.1
done
sleep 1
stub=$(pgrep -f 'debug --stdio g1' | head -1)
kill -9 "$stub"
check "the guest goes on when its debugger is killed in the middle" goes_on g1
wait %2 2> /dev/null

# ---- the remote protocol on a port ----

"$RING3" debug --gdb :0 g1 2> "$T/port" &
for i in $(seq 100); do
	port=$(sed -n 's/.*target remote 127.0.0.1:\([0-9]*\)$/\1/p' "$T/port")
	[ -n "$port" ] && break
	sleep 0.1
done
remote()
{
	timeout 60 gdb -nx -q -batch -ex "set pagination off" -ex "target remote 127.0.0.1:$port" -ex "break do_sys_openat2" \
		-ex continue -ex bt -ex delete -ex detach "$(ls "$RING3_KERNEL.debug" 2> /dev/null || echo "$RING3_KERNEL")" 2>&1
}
unset -f gdb
like "$(remote)" 'hit Breakpoint 1' "a debugger at the port of --gdb"
like "$(remote)" '#[0-9]+ .* (do_syscall|do_fast) ' "another one after it"
status 1 "a port that is in use" "$RING3" debug --gdb ":$port" g1
like "$(cat "$T/check.out")" "cannot listen on port $port: Address already in use" "... is named"
"$RING3" stop -f g1
for i in $(seq 100); do
	jobs -r | grep -q -- '--gdb' || break
	sleep 0.1
done
is "$(jobs -r | grep -c -- '--gdb')" 0 "who waits for debuggers ends with the guest"

# ---- from the first instruction ----

start g2 --debug -- echo done
printf '%s\n' 'info symbol $rip' 'hbreak start_kernel' 'continue' 'info symbol $rip' > "$T/gdb.in"
out=$(timeout 60 "$RING3" debug g2 -- -nx -batch -x "$T/gdb.in" 2>&1)
like "$out" 'r3_start in section' "a guest that waits for a debugger stops at its first instruction"
like "$out" 'start_kernel in section' "... and at start_kernel()"
for i in $(seq 300); do
	grep -q done "$T/g2.out" && break
	sleep 0.1
done
is "$(cat "$T/g2.out")" done "... and runs when gdb ends"

# ---- what is wrong is said ----

status 1 "an unknown guest" "$RING3" debug nobody
like "$(cat "$T/check.out")" 'no guest called nobody is running' "... is named"
start g3 -- sleep 100
status 1 "no gdb" env PATH=/nonexistent "$RING3" debug g3
like "$(cat "$T/check.out")" 'install gdb' "... and how to get it"
status 125 "a word too many" "$RING3" debug g3 word
"$RING3" stop -f g3
done_testing
