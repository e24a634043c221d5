// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Debug registers, as a debugger sets them by ptrace(2) and the program itself
 * sees their traps: an instruction breakpoint stops before its instruction, once
 * each time that this is reached, however it is reached; then it is passed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define RF 0x10000
#define OFTEN 64

static int number, failed;
static volatile unsigned long at;
static volatile long hits, without_rf, elsewhere, alarms;

static void check(int good, const char *what)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, what);
	if (!good)
		printf("# %ld hits, %ld of them without RF, %ld traps elsewhere\n", hits, without_rf, elsewhere);
	failed |= !good;
}

static void on_trap(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	/* One that is never passed shall not keep us here for ever. */
	if (hits + elsewhere > 10000)
		_exit(9);
	if ((unsigned long)uc->uc_mcontext.gregs[REG_RIP] != at) {
		elsewhere++;
		return;
	}
	hits++;
	if (!(uc->uc_mcontext.gregs[REG_EFL] & RF))
		without_rf++;
}

static void on_alarm(int sig)
{
	alarms++;
}

static void on_usr(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	/* A fault has set RF, with which the breakpoint would be passed. */
	uc->uc_mcontext.gregs[REG_EFL] &= ~RF;
	uc->uc_mcontext.gregs[REG_RIP] = at;
}

static void poke(pid_t pid, int reg, unsigned long val)
{
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg) + reg * sizeof(long), val)) {
		perror("# ptrace");
		_exit(1);
	}
}

/* A debugger comes, sets DR0 and DR7, and goes. */
static void arm(void *addr, unsigned long dr7)
{
	pid_t me = getpid(), debugger = fork();
	int status;

	if (!debugger) {
		if (ptrace(PTRACE_ATTACH, me, 0, 0) || waitpid(me, &status, __WALL) != me)
			_exit(2);
		poke(me, 7, 0);
		poke(me, 0, (unsigned long)addr);
		poke(me, 7, dr7);
		_exit(ptrace(PTRACE_DETACH, me, 0, 0) ? 3 : 0);
	}
	while (waitpid(debugger, &status, 0) < 0 && errno == EINTR)
		;
	if (status) {
		printf("# debugger: %#x\n", status);
		exit(1);
	}
	at = (unsigned long)addr;
	hits = without_rf = elsewhere = 0;
}

#define EXECUTE 0x1UL
#define WRITE_8 (0x1UL | 0x1UL << 16 | 0x2UL << 18)

extern char bp_nop[], bp_rep[], bp_behind[], bp_syscall[], bp_target[];
void pass_nop(long times), pass_rep(char *buf, long len), pass_behind(void), pass_target(void);
long pass_syscall(void);
void pass_int1(void);

__asm__(".text\n"
	".balign 4096\n"
	"pass_nop:\n"
	"bp_nop:	nop\n"
	"	dec %rdi\n"
	"	jnz bp_nop\n"
	"	ret\n"
	"pass_rep:\n"
	"	mov %rsi, %rcx\n"
	"	xor %eax, %eax\n"
	"bp_rep:	rep stosb\n"
	"	ret\n"
	"pass_behind:\n"
	"	mov $110, %eax\n"		/* getppid */
	"	syscall\n"
	"bp_behind: nop\n"
	"	ret\n"
	"	.fill 32, 1, 0x90\n"
	"pass_syscall:\n"
	"	mov $110, %eax\n"
	"bp_syscall: syscall\n"
	"	ret\n"
	"	.fill 32, 1, 0x90\n"
	"pass_int1:\n"
	"	.byte 0xf1\n"
	"	ret\n"
	"pass_target:\n"
	"	ud2\n"
	"bp_target: nop\n"
	"	ret\n");

static volatile unsigned long watched;

/* With an argument INT1 is left out: some hypervisors do not step over it. */
int main(int argc, char **argv)
{
	struct sigaction trap = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	struct sigaction usr = { .sa_sigaction = on_usr, .sa_flags = SA_SIGINFO };
	struct sigaction ring = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, off = { };
	static char buf[64];
	long i, parent = getppid(), same = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	sigaction(SIGTRAP, &trap, NULL);
	sigaction(SIGILL, &usr, NULL);
	sigaction(SIGALRM, &ring, NULL);
	for (i = 0; i < OFTEN; i++) {
		pass_behind();
		pass_syscall();
	}

	arm(bp_nop, EXECUTE);
	pass_nop(1);
	check(hits == 1 && !elsewhere, "it is hit, after the debugger has gone");
	hits = elsewhere = 0;
	/* So long that the thread is stopped by timers at the breakpoint, too. */
	setitimer(ITIMER_REAL, &often, NULL);
	pass_nop(5000);
	setitimer(ITIMER_REAL, &off, NULL);
	check(hits == 5000 && !elsewhere, "5000 times, while timers interrupt it");
	check(!without_rf, "and each time says so by RF");

	arm(bp_rep, EXECUTE);
	pass_rep(buf, sizeof(buf));
	check(hits == 1 && !elsewhere, "once for an instruction with a repeat prefix");
	arm(bp_behind, EXECUTE);
	for (i = 0; i < 100; i++)
		pass_behind();
	check(hits == 100 && !elsewhere, "behind a system call");
	arm(bp_syscall, EXECUTE);
	for (i = 0; i < 100; i++)
		same += pass_syscall() == parent;
	check(hits == 100 && !elsewhere && same == 100, "at a system call that was made often before");
	arm(bp_target, EXECUTE);
	for (i = 0; i < 100; i++)
		pass_target();
	check(hits == 100 && !elsewhere, "where a signal handler goes on");
	arm((void *)&watched, WRITE_8);
	for (i = 0; i < 100; i++)
		watched = i + 1;
	check(!hits && elsewhere == 100, "a watchpoint, each time that it is written");
	if (argc == 1) {
		arm(bp_nop, EXECUTE);
		pass_int1();
		check(!hits && elsewhere == 1, "INT1 traps once, while there is a breakpoint elsewhere");
	}
	arm(bp_nop, 0);
	pass_nop(100);
	check(!hits && !elsewhere, "none after they are cleared");
	printf("1..%d\n", number);
	return failed;
}
