# SPDX-License-Identifier: GPL-2.0-or-later
cat > crash.c <<'C'
#include <stdio.h>
#include <stdlib.h>
struct node { int value; struct node *next; };
int counter;
static int deep(struct node *n)
{
	return n->value + deep(n->next);
}
int step(int i)
{
	counter += i;
	return counter;
}
int main(int argc, char **argv)
{
	struct node b = { 2, 0 }, a = { 1, &b };

	(void)argv;
	for (int i = 1; i <= 5; i++)
		step(i);
	printf("counter %d\n", counter);
	return argc > 1 ? deep(&a) : 0;
}
C
gcc -g -O0 -o crash crash.c || exit
gdb_batch()
{
	gdb -q -batch -nx "$@" < /dev/null
}

backtrace()
{
	gdb_batch -ex run -ex bt -ex 'p n' -ex 'up 2' -ex 'p a.value' --args ./crash x > g.out 2>&1
	cat g.out
	grep -q 'received signal SIGSEGV' g.out && grep -q '#0 .*deep (n=0x0)' g.out &&
		grep -q '#3 .*main (argc=2' g.out && grep -q '= (struct node \*) 0x0' g.out
}
t "gdb runs a program that crashes: signal, backtrace, variables" backtrace

breakpoints()
{
	gdb_batch -ex 'b step' -ex run -ex 'p i' -ex c -ex 'p i' -ex bt -ex 'finish' -ex 'delete' \
		-ex 'p counter = 100' -ex c ./crash > g.out 2>&1
	cat g.out
	grep -q '^\$1 = 1' g.out && grep -q '^\$2 = 2' g.out && grep -q 'Value returned is \$3 = 3' g.out &&
		grep -q 'counter 112' g.out && grep -q 'exited normally' g.out
}
t "gdb: breakpoints, finish, writing a variable" breakpoints

stepping()
{
	gdb_batch -ex 'b main' -ex run -ex 'next' -ex 'next' -ex 'step' -ex 'bt 1' -ex 'stepi 20' -ex 'p $rip != 0' \
		-ex 'info registers rsp' -ex 'p $xmm0.v4_int32[0] = 7' -ex 'p $xmm0.v4_int32[0]' -ex delete -ex c ./crash > g.out 2>&1
	cat g.out
	grep -q '^step (i=1)' g.out && grep -q '^\$1 = 1' g.out && grep -q '^\$3 = 7' g.out && grep -q 'counter 15' g.out
}
t "gdb: next, step, stepi, registers" stepping

# watching HW: by debug registers or by gdb's own stepping
watching()
{
	gdb_batch -ex "set can-use-hw-watchpoints $1" -ex 'b main' -ex run -ex 'watch counter' -ex c -ex c -ex 'bt 1' -ex delete -ex c ./crash > g.out 2>&1
	cat g.out
	grep -q 'Old value = 0' g.out && grep -q 'New value = 1' g.out && grep -q 'Old value = 1' g.out &&
		grep -q 'New value = 3' g.out && grep -q 'counter 15' g.out
}
t "gdb: a hardware watchpoint sees the variable change" watching 1
t "gdb: a software watchpoint does" watching 0

cat > spin.c <<'C'
#include <pthread.h>
#include <unistd.h>
volatile int go = 1;
static void *spin(void *a) { (void)a; while (go) ; return 0; }
int main(void) { pthread_t t[2]; pthread_create(&t[0], 0, spin, 0); pthread_create(&t[1], 0, spin, 0); pthread_join(t[0], 0); pthread_join(t[1], 0); return 5; }
C
attaching()
{
	local pid

	gcc -g -O0 -pthread -o spin spin.c || return
	./spin &
	pid=$!
	wait_for sh -c "[ \$(ls /proc/$pid/task | wc -l) = 3 ]" || return
	gdb_batch -p $pid -ex 'info threads' -ex 'thread apply all bt 2' -ex 'p go = 0' -ex detach > g.out 2>&1
	cat g.out
	[ "$(grep -c '^Thread .*LWP' g.out)" = 3 ] || return
	wait $pid
	[ $? = 5 ]
}
t "gdb attaches to running threads and lets them go" attaching

cores()
{
	ulimit -c unlimited
	echo core > /proc/sys/kernel/core_pattern
	echo 0 > /proc/sys/kernel/core_uses_pid
	./crash x
	[ $? = 139 ] || return
	gdb_batch -ex bt -ex 'p counter' -ex 'info registers rip' ./crash core > g.out 2>&1
	cat g.out
	file core | grep -q 'core file' && grep -q 'terminated with signal SIGSEGV' g.out &&
		grep -q '#0 .*deep (n=0x0)' g.out && grep -q '^\$1 = 15' g.out
}
t "a core dump opens in gdb" cores

traced()
{
	strace -f -o s.out -e trace=execve,openat,write,exit_group,clone,clone3,vfork,wait4 sh -c 'echo hi; /bin/echo there; exit 4'
	[ $? = 4 ] || return
	grep -v openat s.out
	grep -q 'execve("/bin/echo", \["/bin/echo", "there"\], 0x[0-9a-f]* /\* [0-9]* vars \*/' s.out &&
		grep -q 'write(1, "there\\n", 6) *= 6' s.out && grep -q 'exit_group(4)' s.out &&
		grep -q '+++ exited with 4 +++' s.out
}
t "strace -f follows children, decodes arguments and results" traced

injected()
{
	touch kept
	! strace -e inject=unlinkat:error=EPERM -o s.out rm -f kept && [ -e kept ] && grep -q 'EPERM.*(INJECTED)' s.out && strace -c -o c.out true && grep -q 'total$' c.out &&
		strace --seccomp-bpf -f -e trace=unlinkat -o b.out sh -c 'touch zz; rm zz' && grep -q 'unlinkat(AT_FDCWD, "zz", 0) *= 0' b.out
}
t "strace changes results, counts, and filters by seccomp" injected
finish
