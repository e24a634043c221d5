// SPDX-License-Identifier: GPL-2.0-or-later
#include "attack.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

struct shared *shared;

void cannot(const char *what)
{
	printf("cannot attack: %s\n", what);
	fflush(stdout);
	_exit(2);
}

void attack_init(void)
{
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		cannot("no memory");
	setvbuf(stdout, NULL, _IOLBF, 0);
	catch_signals();
}

int attack_end(void)
{
	if (shared->through)
		printf("%d tries got through\n", shared->through);
	fflush(stdout);
	return shared->through != 0;
}

/* The first says why, the others count. */
void through(const char *fmt, ...)
{
	va_list ap;

	if (__atomic_fetch_add(&shared->through, 1, __ATOMIC_SEQ_CST))
		return;
	va_start(ap, fmt);
	vsnprintf(shared->why, sizeof(shared->why), fmt, ap);
	va_end(ap);
	/* At once: who got through may not get to the end. */
	pass_call(SYS_write, 1, (long)"got through: ", 13);
	pass_call(SYS_write, 1, (long)shared->why, strlen(shared->why));
	pass_call(SYS_write, 1, (long)"\n", 1);
}

static void on_watch(int sig)
{
}

/* The child has its time anew whenever shared->next has moved. */
int in_child(int (*fn)(long), long arg, unsigned int ms)
{
	struct itimerval t = { { ms / 1000, ms % 1000 * 1000 }, { ms / 1000, ms % 1000 * 1000 } };
	struct itimerval off = { };
	struct sigaction watch = { .sa_handler = on_watch };	/* no SA_RESTART */
	int pid, status, at = shared->next;

	fflush(stdout);
	sigaction(SIGALRM, &watch, NULL);
	pid = fork();
	if (!pid)
		_exit(fn(arg));
	if (pid < 0)
		cannot("fork");
	setitimer(ITIMER_REAL, &t, NULL);
	while (waitpid(pid, &status, 0) != pid) {
		if (shared->next == at)
			kill(pid, SIGKILL);
		at = shared->next;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	return status;
}

/* ---- signals ---- */

__thread jmp_buf try_from;
__thread volatile sig_atomic_t trying;
__thread volatile struct caught caught;
static char signal_stack[65536];

static unsigned long own_fs;

void keep_fs(void)
{
	__asm__ volatile("rdfsbase %0" : "=r"(own_fs));
}

static void on_signal(int sig, siginfo_t *si, void *context)
{
	ucontext_t *uc = context;

	if (own_fs)
		__asm__ volatile("wrfsbase %0" :: "r"(own_fs) : "memory");
	if (!trying)
		pass_call(SYS_exit_group, 100 + sig, 0, 0);
	caught.sig = sig;
	caught.code = si->si_code;
	caught.addr = (unsigned long)si->si_addr;
	caught.ip = uc->uc_mcontext.gregs[REG_RIP];
	caught.ax = uc->uc_mcontext.gregs[REG_RAX];
	_longjmp(try_from, 1);
}

void catch_signals(void)
{
	static const int signals[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS, SIGUSR1,
	};
	struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
	unsigned int i;

	sigaltstack(&stack, NULL);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &act, NULL);
}

static bool touch(unsigned long addr, bool write)
{
	volatile unsigned char *p = (void *)addr;
	bool good = false;

	trying = 1;
	if (TRY()) {
		unsigned char c = *p;

		if (write)
			*p = c;
		good = true;
	}
	trying = 0;
	return good;
}

bool readable(unsigned long addr)
{
	return touch(addr, false);
}

bool writable(unsigned long addr)
{
	return touch(addr, true);
}

__asm__(".text\n"
	".globl enter\n"
	"enter:\n"
	"	movq %rdi, %rsp\n"
	"	popq %r15; popq %r14; popq %r13; popq %r12; popq %r11; popq %r10; popq %r9\n"
	"	popq %r8; popq %rbp; popq %rbx; popq %rdx; popq %rcx; popq %rax; popq %rsi\n"
	"	popq %rdi\n"
	"	iretq\n");

/* ---- the stub ---- */

unsigned long stub_length(void)
{
	static unsigned long addr;

	if (addr)
		return addr - R3_STUB_BASE;
	for (addr = R3_STUB_BASE; addr < R3_STUB_CMD && readable(addr); addr += PAGE)
		;
	return addr - R3_STUB_BASE;
}

int stub_calls(unsigned long *at, int max)
{
	const unsigned char *stub = (void *)R3_STUB_BASE;
	unsigned long i, len = stub_length();
	int n = 0;

	for (i = 0; i + 1 < len && n < max; i++)
		if (stub[i] == 0x0f && stub[i + 1] == 0x05)
			at[n++] = R3_STUB_BASE + i;
	return n;
}

unsigned long stub_find(const void *bytes, unsigned long len)
{
	void *p = memmem((void *)R3_STUB_BASE, stub_length(), bytes, len);

	return (unsigned long)p;
}

unsigned long stub_signal(void)
{
	/* movq %rsp, %rbx; andq $-R3_SLOT_STRIDE, %rbx */
	return stub_find("\x48\x89\xe3\x48\x81\xe3\x00\x00\xff\xff", 10);
}

unsigned long stub_sigreturn(void)
{
	return stub_find("\xb8\x0f\0\0\0\x0f\x05", 7);
}

unsigned long stub_wait(void)
{
	/* cmpl $1, resume(%rsp); je; cmpl $0, way(%rsp) */
	static const char look[] = "\x83\x7c\x24\x04\x01", way[] = "\x83\x7c\x24\x08\x00";
	unsigned long at = stub_find(way, 5), len;

	for (len = 7; at && len <= 11; len += 4) {
		if (!memcmp((void *)(at - len), look, 5))
			return at - len;
	}
	return 0;
}

unsigned long physical(unsigned long addr)
{
	const struct r3_cmd_page *cmds = (void *)R3_STUB_CMD;
	int i;

	for (i = R3_CMD_RING - 1; i >= 0; i--)
		if (cmds->cmd[i].op == R3_OP_MAP && addr - cmds->cmd[i].addr < cmds->cmd[i].len)
			return cmds->cmd[i].off + (addr - cmds->cmd[i].addr);
	return 0;
}

static volatile int rang;

static void ring(int sig)
{
	rang = 1;
}

void be_stopped(void)
{
	struct itimerval t = { { 0, 0 }, { 0, 1000 } };

	rang = 0;
	signal(SIGALRM, ring);
	setitimer(ITIMER_REAL, &t, NULL);
	while (!rang)
		;
}

unsigned long stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		cannot("sched_setaffinity");
	return R3_STUB_SLOTS + cpu * R3_SLOT_STRIDE;
}

int cpus(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN);
}

/* ---- calls ---- */

void watch_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PASS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | SEEN),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		cannot("seccomp");
}

long pass_call(long nr, long a, long b, long c)
{
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	register long r9 __asm__("r9") = PASS;
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

bool page_changed(const char *page)
{
	int i;

	for (i = 0; i < (int)PAGE; i++)
		if (page[i] != 1)
			return true;
	return false;
}
