#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# timeout: 2400
# tags: slow extra
# A kernel with kernel/configs/trace.config: function and graph tracer, probes in the kernel and in user
# code, events of system calls, BPF programs. Builds that kernel, small.
. "$(dirname "$0")/../lib.sh"
here=$(dirname "$0")
GUEST_TIMEOUT=240

dir=$("$REPO/kernel/build.sh" --dev --no-modules --config-fragment tiny --config-fragment least --config-fragment trace)
is $? 0 "it builds"
export RING3_KERNEL=$dir/vmlinux
unset RING3_MODULES

for cpus in 1 2; do
	out=$(guest --cpus $cpus -- bash -c "$(cat "$here/tracing.guest")" < "$here/tracing.c" 2>&1)

	# value NAME: what the guest says of it
	value()
	{
		sed -n "s/^$1: //p" <<< "$out"
	}
	[ "$(value functions)" -gt 5000 ] 2> /dev/null
	is $? 0 "$cpus CPUs: functions can be traced" || diag "$out"
	like "$(value function)" '^[1-9]' "$cpus CPUs: the function tracer sees one"
	like "$(value graph)" '^[1-9][0-9]* [1-9]' "$cpus CPUs: function_graph sees what it calls"
	like "$(value kprobe)" '^[1-9]' "$cpus CPUs: a kprobe with arguments"
	like "$(value kretprobe)" '^[1-9]' "$cpus CPUs: a kretprobe with the result"
	like "$(value places)" '^([5-9]|[1-9][0-9])$' "$cpus CPUs: kprobes within a function"
	like "$(value inside)" '^([5-9]|[1-9][0-9])$' "$cpus CPUs: they are met"
	like "$(value fprobe)" '^[1-9][0-9]* [1-9]' "$cpus CPUs: fprobes"
	is "$(value uprobe)" "1 1 100 of 100" "$cpus CPUs: a uprobe and a uretprobe in libc, in code that runs"
	is "$(value calls)" "100000 of 100000" "$cpus CPUs: the calls are right meanwhile and afterwards"
	is "$(value syscall)" "1 1" "$cpus CPUs: events of system calls"
	is "$(value bpf)" "jited 1 counted 1000" "$cpus CPUs: a BPF program is compiled and counts"
	is "$(value turns)" 5 "$cpus CPUs: tracers take turns"
	is "$(value complaints)" 0 "$cpus CPUs: no complaint of the kernel" || diag "$out"
	[ $TAP_BAD = 0 ] || diag "$out"
done
done_testing
