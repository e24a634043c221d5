#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tags: slow
# stress-ng --verify: no wrong result, no complaint of the kernel.
# RING3_TEST_FULL=1 takes all stressors of each class and two CPUs.
# timeout: 3600
. "$(dirname "$0")/../lib.sh"

# Few of each class, chosen for what the port does itself: faults and page
# tables, signals, context switches, clones, vector state, interrupts.
declare -A some=(
	[cpu]="cpu matrix vecwide fp context longjmp opcode"
	[vm]="vm mmap mremap mmapfork fault madvise mprotect brk stack bigheap userfaultfd mincore"
	[memory]="malloc memcpy memthrash mlock remap shm shm-sysv sigsegv"
	[scheduler]="affinity yield switch futex sem sem-sysv mutex nanosleep hrtimers poll"
	[pipe]="pipe pipeherd fifo splice tee vm-splice sendfile"
	[filesystem]="hdd dentry rename fallocate link xattr lockf copy-file inotify iomix"
	[signal]="signal sigabrt sigfd sigfpe sigio sigpipe sigq sigrt sigsuspend sigtrap sigchld signest timer itimer alarm"
	[clone]="clone fork vfork vforkmany pthread exit-group daemon zombie kill wait"
)
# On one CPU who passes the herd's token on takes it again, and who is to end it waits: natively for a minute.
herd=--pipeherd-yield
# Not what stress-ng can call passed anywhere: cyclic wants deadline scheduling of its own parameters, stream four times the
# cache, tmpfs fills three file systems that together are larger than the guest, the others want devices or other users.
exclude=cyclic,stream,tmpfs,binderfs,smi,efivar,pci,quota,rtc,bad-altstack,oom-pipe,rawdev,watchdog,sysinval,sysbadaddr

# stress-ng counts a thread of mutex after it was made, if there is time left then. On a busy host the first one, which
# takes the CPU by SCHED_FIFO, may be over before that.
chance='mutex: could not create any pthreads'

# stress CLASS ARGS...
stress()
{
	local class=$1 log

	shift
	# oomable: without it the kernel finds nothing to kill and panics. That it kills one is no complaint.
	log="stress-ng --verify --oomable --timestamp $herd $* 2>&1; echo \"##RC \$?\"; uname -r > /dev/null; dmesg |
		grep -E 'WARNING:|BUG:|Oops|general protection|stall|soft lockup|ended a guest process' | grep -v 'invoked oom-killer' | head; echo '##DONE'"
	guest "${options[@]}" -- sh -c "cd /root; $log" < /dev/null > "$T/$class" 2>&1
	if grep -q '^##RC [034]$' "$T/$class" && ! grep -vE "$chance" "$T/$class" | grep -qE 'fail: |verif.*(fail|mismatch)' &&
		[ "$(sed -n '/^##RC/,/^##DONE/p' "$T/$class" | wc -l)" = 2 ]; then
		ok "$class"
	else
		not_ok "$class"
		grep -q '^##DONE' "$T/$class" || echo "it did not come to its end in $GUEST_TIMEOUT s" | diag
		grep -vE 'metrc|info:|hash:' "$T/$class" | tail -30 | diag
	fi
}

if [ "${RING3_TEST_FULL:-0}" = 1 ]; then
	GUEST_TIMEOUT=900
	options=(--mem 2G --cpus 2)
	for class in cpu vm memory scheduler pipe filesystem interrupt; do
		stress $class --sequential 2 --class $class -t 2 -x $exclude
	done
	for class in signal clone; do
		args=
		for s in ${some[$class]}; do args+=" --$s 2"; done
		stress $class --seq 0 -t 10 "$args"
	done
else
	GUEST_TIMEOUT=300
	options=(--mem 1G)
	for class in cpu vm memory scheduler pipe filesystem signal clone; do
		args=
		for s in ${some[$class]}; do args+=" --$s 1"; done
		stress $class --seq 0 -t 1 "$args"
	done
fi
done_testing
