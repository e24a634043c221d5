// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a program could notice of rewritten system calls, and must not. Each
 * check makes its calls often enough to be rewritten, then compares with what
 * an x86-64 does. Run as: rewrite FILE, a writable place for a file.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define OFTEN	64

static int failed, number;

static void check(int good, const char *what)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, what);
	failed |= !good;
}

/*
 * HEAD and TAIL, as mm/rewrite.c calls them, with labels to jump to. Each
 * returns RAX; flags_of() returns the flags that the compare leaves.
 */
long head_call(void), head_inside(long nr), tail_call(long nr, long a), tail_behind(long rax);
long tail_flags(long nr, long a), red_zone(void), all_registers(long nr, uint64_t *save);
long twice(void), no_stack(void);
extern char head_syscall[], tail_after[], code_start[], code_end[];

__asm__(".text\n"
	".balign 4096\n"
	"code_start:\n"
	"	.fill 32, 1, 0x90\n"
	".globl head_call\n"
	"head_call:\n"
	"	movl $110, %eax\n"		/* getppid */
	"head_syscall:\n"
	"	syscall\n"
	"	ret\n"
	"	.fill 32, 1, 0x90\n"
	".globl head_inside\n"
	"head_inside:\n"
	"	movq %rdi, %rax\n"
	"	jmp head_syscall\n"
	"	.fill 32, 1, 0x90\n"
	".globl tail_call\n"
	"tail_call:\n"
	"	movq %rdi, %rax\n"
	"	movq %rsi, %rdi\n"
	"	syscall\n"
	"tail_after:\n"
	"	cmp $-4095, %rax\n"
	"	jae 1f\n"
	"	ret\n"
	"1:	movq $-1, %rax\n"
	"	ret\n"
	"	.fill 32, 1, 0x90\n"
	".globl tail_behind\n"
	"tail_behind:\n"
	"	movq %rdi, %rax\n"
	"	jmp tail_after\n"
	"	.fill 32, 1, 0x90\n"
	".globl tail_flags\n"
	"tail_flags:\n"
	"	movq %rdi, %rax\n"
	"	movq %rsi, %rdi\n"
	"	std\n"
	"	syscall\n"
	"	cmp $-4095, %rax\n"
	"	pushfq\n"
	"	cld\n"
	"	popq %rax\n"
	"	ret\n"
	"	.fill 32, 1, 0x90\n"
	/* Leaf code may keep things below the stack pointer. */
	".globl red_zone\n"
	"red_zone:\n"
	"	movq $0x1234, -8(%rsp)\n"
	"	movq $0x5678, -128(%rsp)\n"
	"	movl $110, %eax\n"
	"	syscall\n"
	"	movq -8(%rsp), %rax\n"
	"	addq -128(%rsp), %rax\n"
	"	ret\n"
	"	.fill 32, 1, 0x90\n"
	".globl no_stack\n"
	"no_stack:\n"
	"	movq %rsp, %rdx\n"
	"	xorl %esp, %esp\n"
	"	movl $110, %eax\n"
	"	syscall\n"
	"	movq %rdx, %rsp\n"
	"	ret\n"
	"	.fill 32, 1, 0x90\n"
	".globl all_registers\n"
	"all_registers:\n"
	"	pushq %rbx\n pushq %rbp\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n pushq %rsi\n"
	"	movq %rdi, %rax\n"
	"	movl $3, %ebx\n movl $5, %ebp\n movl $6, %esi\n movl $7, %edi\n movl $4, %edx\n"
	"	movl $8, %r8d\n movl $9, %r9d\n movl $10, %r10d\n movl $12, %r12d\n"
	"	movl $13, %r13d\n movl $14, %r14d\n movl $15, %r15d\n"
	"	pcmpeqd %xmm0, %xmm0\n pcmpeqd %xmm15, %xmm15\n"
	"	syscall\n"
	"	cmp $-4095, %rax\n"
	"	xchgq %rsi, (%rsp)\n"
	"	movq %rbx, 0(%rsi)\n movq %rbp, 8(%rsi)\n movq %rdi, 16(%rsi)\n movq %rdx, 24(%rsi)\n"
	"	movq %r8, 32(%rsi)\n movq %r9, 40(%rsi)\n movq %r10, 48(%rsi)\n movq %r12, 56(%rsi)\n"
	"	movq %r13, 64(%rsi)\n movq %r14, 72(%rsi)\n movq %r15, 80(%rsi)\n"
	"	movq %xmm0, 88(%rsi)\n movq %xmm15, 96(%rsi)\n"
	"	popq %rcx\n movq %rcx, 104(%rsi)\n"
	"	popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbp\n popq %rbx\n"
	"	ret\n"
	"	.fill 32, 1, 0x90\n"
	".globl twice\n"
	"twice:\n"
	"	movl $110, %eax\n"
	"	syscall\n"
	"	movq %rax, %r8\n"
	"	movl $39, %eax\n"		/* getpid */
	"	syscall\n"
	"	shlq $32, %rax\n"
	"	orq %r8, %rax\n"
	"	ret\n"
	".balign 4096\n"
	"code_end:\n");

static void calls(void)
{
	uint64_t r[14], want[] = { 3, 5, 7, 4, 8, 9, 10, 12, 13, 14, 15, ~0UL, ~0UL, 6 };
	long ppid = syscall(SYS_getppid), pid = syscall(SYS_getpid);
	int i, good[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };

	for (i = 0; i < OFTEN; i++) {
		good[0] &= head_call() == ppid;
		good[1] &= tail_call(SYS_getpid, 0) == pid && tail_call(SYS_close, -1) == -1;
		good[2] &= red_zone() == 0x1234 + 0x5678;
		good[3] &= no_stack() == ppid;
		good[4] &= all_registers(SYS_getppid, r) == ppid && !memcmp(r, want, sizeof(r));
		good[5] &= twice() == (pid << 32 | ppid);
		/* CF and DF as a compare of pid and of -EBADF with -4095 leave them */
		good[6] &= (tail_flags(SYS_getpid, 0) & 0x401) == 0x401 &&
			   (tail_flags(SYS_close, -1) & 0x401) == 0x400;
	}
	check(good[0], "a call behind mov");
	check(good[1], "a call before cmp, and its error");
	check(good[2], "the red zone is kept");
	check(good[3], "no stack is needed");
	check(good[4], "all registers but rcx and r11 are kept");
	check(good[5], "two calls in a row");
	check(good[6], "flags are those of the compare, DF is kept");
}

static void jumps(void)
{
	long pid = syscall(SYS_getpid);
	int i, good[2] = { 1, 1 };

	for (i = 0; i < OFTEN; i++) {
		good[0] &= head_inside(SYS_getpid) == pid && head_inside(SYS_gettid) == pid;
		good[1] &= tail_behind(77) == 77 && tail_behind(-5) == -1;
	}
	check(good[0], "a jump to the system call instruction");
	check(good[1], "a jump behind it");
}

/* How the kernel shows code: as it is in the file. */
static void readers(void)
{
	static unsigned char seen[2 * 4096], text[2 * 4096];
	int mem = open("/proc/self/mem", O_RDONLY), exe = open("/proc/self/exe", O_RDONLY);
	unsigned long size = code_end - code_start, off = 0;
	int pipes[2], found = 0;

	check(pread(mem, seen, size, (off_t)code_start) == (ssize_t)size, "code can be read");
	/* It is somewhere in the file, at a page. */
	for (; pread(exe, text, size, off) == (ssize_t)size; off += 4096)
		if (!memcmp(text, seen, size)) {
			found = 1;
			break;
		}
	check(found, "/proc/self/mem has the file's code");
	memset(text, 0, sizeof(text));
	check(!pipe(pipes) && write(pipes[1], code_start, size) == (ssize_t)size &&
	      read(pipes[0], text, size) == (ssize_t)size && !memcmp(text, seen, size),
	      "write() of code writes the file's");
	close(mem);
	close(exe);
	close(pipes[0]);
	close(pipes[1]);
}

static volatile sig_atomic_t hits, bad_ip;

static void on_alarm(int sig, siginfo_t *si, void *p)
{
	ucontext_t *uc = p;
	unsigned long ip = uc->uc_mcontext.gregs[REG_RIP];

	hits++;
	/* Nobody sees the stub: R3_STUB_BASE to R3_STUB_END of abi/ring3/layout.h. */
	if (ip >= 0x7fe000000000UL && ip < 0x7fe000b00000UL)
		bad_ip = 1;
}

static void signals(void)
{
	struct sigaction act = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO };
	struct itimerval often = { { 0, 300 }, { 0, 300 } }, never = { };
	long ppid = syscall(SYS_getppid), n, good = 1;
	time_t end;
	int pipes[2];
	char c;

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (end = time(NULL) + 2, n = 0; time(NULL) < end; n++) {
		double x = n;

		good &= head_call() == ppid && tail_call(SYS_close, -1) == -1 && x == n;
		good &= red_zone() == 0x1234 + 0x5678;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	check(good && hits > 100, "signals at any time");
	check(!bad_ip, "and none shows an address of the stub");

	/* Interrupted and restarted calls, at a rewritten place. */
	if (pipe(pipes))
		exit(1);
	for (n = 0; n < OFTEN; n++)
		good &= write(pipes[1], "x", 1) == 1 && read(pipes[0], &c, 1) == 1;
	hits = 0;
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 20000 } }, NULL);
	check(read(pipes[0], &c, 1) == -1 && errno == EINTR && hits == 1, "EINTR");
	act.sa_flags |= SA_RESTART;
	sigaction(SIGALRM, &act, NULL);
	hits = 0;
	setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 0 }, { 0, 20000 } }, NULL);
	if (!fork()) {
		usleep(100000);
		_exit(write(pipes[1], "y", 1) != 1);
	}
	check(read(pipes[0], &c, 1) == 1 && c == 'y' && hits == 1, "SA_RESTART");
	wait(NULL);
	close(pipes[0]);
	close(pipes[1]);
}

static void *work(void *arg)
{
	long good = 1, i, tid = syscall(SYS_gettid);
	volatile double x = (long)arg;

	for (i = 0; i < 5000; i++) {
		good &= syscall(SYS_gettid) == tid && tail_call(SYS_gettid, 0) == tid;
		x += 1.5;
		if (i % 64 == 0)
			sched_yield();
	}
	return good && x == (long)arg + 7500.0 ? (void *)1 : NULL;
}

static void threads(void)
{
	pthread_t t[8];
	void *ret;
	long i, good = 1;

	for (i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, work, (void *)i);
	for (i = 0; i < 8; i++) {
		pthread_join(t[i], &ret);
		good &= ret == (void *)1;
	}
	check(good, "threads keep their numbers and vector state");
	for (i = 0; i < OFTEN; i++) {
		int status;
		pid_t p = i & 1 ? fork() : vfork();

		if (!p)
			_exit(i);
		good &= waitpid(p, &status, 0) == p && WEXITSTATUS(status) == i;
	}
	check(good, "fork and vfork");
}

/* The same page at two places, and a place that has another page later. */
static void mappings(const char *file)
{
	unsigned long size = code_end - code_start;
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0700), i, good = 1;
	long ppid = syscall(SYS_getppid), (*call)(void);
	char *a, *b;

	if (fd < 0 || write(fd, code_start, size) != (ssize_t)size)
		exit(1);
	a = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	b = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	for (i = 0; i < OFTEN; i++) {
		call = (void *)(a + ((char *)head_call - code_start));
		good &= call() == ppid;
		call = (void *)(b + ((char *)head_call - code_start));
		good &= call() == ppid;
	}
	check(good, "one page at two addresses");

	/* The file changes: who maps it from now on gets the new number. */
	munmap(a, size);
	munmap(b, size);
	i = SYS_getuid;
	if (pwrite(fd, &i, 4, (char *)head_call + 1 - code_start) != 4)
		exit(1);
	if (!fork()) {
		a = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		call = (void *)(a + ((char *)head_call - code_start));
		for (i = 0, good = 1; i < OFTEN; i++)
			good &= call() == getuid();
		_exit(!good);
	}
	wait(&i);
	check(!i, "changed code of a file runs as changed");

	/* Code that the program writes. */
	a = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, fd, 0);
	call = (void *)(a + ((char *)head_call - code_start));
	for (i = 0, good = 1; i < OFTEN; i++) {
		int nr = i & 1 ? SYS_getpid : SYS_getppid;

		memcpy((char *)call + 1, &nr, 4);
		good &= call() == syscall(nr);
	}
	check(good, "code that changes itself");
	mprotect(a, size, PROT_READ | PROT_EXEC);
	for (i = 0; i < OFTEN; i++)
		good &= call() == syscall(SYS_getpid);
	mprotect(a, size, PROT_READ | PROT_WRITE | PROT_EXEC);
	i = SYS_getppid;
	memcpy((char *)call + 1, &i, 4);
	check(good && call() == ppid, "and is protected in between");
	munmap(a, size);
	close(fd);
}

/* What rt_sigaction() takes; the C library sets its own restorer. */
struct action {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

/* What unwinders know by its bytes, as nothing describes it. */
extern char bare_return[];
__asm__(".text\n"
	".balign 16\n"
	"	.fill 16, 1, 0x90\n"
	"bare_return:\n"
	"	movq $15, %rax\n"
	"	syscall\n"
	"	.fill 16, 1, 0x90\n");

static volatile int handled, unwound;
static void *called_from;

static void unwind(int sig)
{
	void *frame[64];
	int i, n = backtrace(frame, 64);

	handled += sig == SIGUSR1;
	for (i = 0; i < n; i++)
		unwound += frame[i] == called_from;
}

/* Returns the C library's restorer. */
static __attribute__((noinline)) unsigned char *unwinding(void)
{
	static const unsigned char bytes[] = { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05 };
	struct action act = { unwind, 0x04000000 /* SA_RESTORER */, (void (*)(void))bare_return, 0 }, libc;
	int i, good = 1;

	called_from = __builtin_return_address(0);
	handled = unwound = 0;
	signal(SIGUSR1, unwind);
	syscall(SYS_rt_sigaction, SIGUSR1, NULL, &libc, 8);
	for (i = 0; i < OFTEN; i++)
		raise(SIGUSR1);
	check(handled == OFTEN && unwound == OFTEN, "handlers see who was interrupted");
	syscall(SYS_rt_sigaction, SIGUSR1, &act, NULL, 8);
	handled = unwound = 0;
	for (i = 0; i < OFTEN; i++) {
		raise(SIGUSR1);
		good &= !memcmp(bare_return, bytes, sizeof(bytes));
	}
	check(good && handled == OFTEN && unwound == OFTEN, "also where only the bytes of the handler's return tell them");
	signal(SIGUSR1, SIG_DFL);
	return (unsigned char *)libc.restorer;
}

/* Each step of a traced child is one instruction of the original. */
static void steps(void)
{
	struct user_regs_struct regs;
	int status, seen_head = 0, seen_sys = 0, seen_ret = 0, i;
	pid_t p = fork();

	if (!p) {
		for (i = 0; i < OFTEN; i++)
			head_call();
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		head_call();
		_exit(7);
	}
	waitpid(p, &status, 0);
	for (i = 0; i < 20000 && !seen_ret; i++) {
		ptrace(PTRACE_GETREGS, p, 0, &regs);
		if (regs.rip == (unsigned long)head_call)
			seen_head = 1;
		if (seen_head && regs.rip == (unsigned long)head_syscall)
			seen_sys = regs.rax == 110;
		if (seen_sys && regs.rip == (unsigned long)head_syscall + 2)
			seen_ret = regs.rax == (unsigned long)getpid();
		if (ptrace(PTRACE_SINGLESTEP, p, 0, 0) || waitpid(p, &status, 0) != p ||
		    !WIFSTOPPED(status))
			break;
	}
	check(seen_head && seen_sys && seen_ret, "single steps are of the original");
	ptrace(PTRACE_CONT, p, 0, 0);
	waitpid(p, &status, 0);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 7, "and the rest runs");
}

static void table(void)
{
	char *at = (char *)0x60000, *p;
	long ppid = syscall(SYS_getppid);
	int i, good = 1;

	for (i = 0; i < OFTEN; i++)
		good &= head_call() == ppid;
	p = mmap(at, 0x10000, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	check(p == at, "the program can map what it likes at the site table's place");
	for (i = 0; i < 0x10000; i++)
		good &= !p[i];
	memset(p, 0xa5, 0x10000);
	for (i = 0; i < OFTEN; i++)
		good &= head_call() == ppid;
	for (i = 0; i < 0x10000; i++)
		good &= p[i] == (char)0xa5;
	check(good, "and has it, with what it wrote");
}

/* What a child finds, whatever happens to it. */
static int in_child(int (*find)(void))
{
	int status = 1;
	pid_t p = fork();

	if (!p)
		_exit(!find());
	return waitpid(p, &status, 0) == p && !status;
}

static volatile long trapped, away;

static void on_trap(int sig, siginfo_t *si, void *p)
{
	ucontext_t *uc = p;

	(void)sig;
	trapped++;
	away = uc->uc_mcontext.gregs[REG_RIP] - (long)si->si_call_addr;
	uc->uc_mcontext.gregs[REG_RAX] = -EPERM;
}

/* A filter of the program's own hands a rewritten call to its handler, which answers. */
static int emulated(void)
{
	struct sigaction act = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { 4, code };
	int i;

	for (i = 0; i < OFTEN; i++)
		syscall(SYS_getppid);
	sigaction(SIGSYS, &act, NULL);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &prog))
		return errno == EINVAL;		/* a kernel without filters */
	errno = 0;
	return syscall(SYS_getppid) == -1 && errno == EPERM && trapped == 1 && !away;
}

/* A file of one page: nops, and code at an offset. */
static int code_file(const void *code, size_t size, size_t at)
{
	static unsigned char page[4096];
	int fd = memfd_create("code", 0);

	memset(page, 0x90, sizeof(page));
	memcpy(page + at, code, size);
	if (write(fd, page, sizeof(page)) != sizeof(page))
		exit(2);
	return fd;
}

static unsigned char *const place = (void *)0x10000000;

static void map_code(int fd)
{
	if (mmap(place, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0) != place)
		exit(2);
}

/* Where one file had a call behind a MOV another has a store of 39 that ends like it. */
static int other_code(void)
{
	static const unsigned char one[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3 };
	static const unsigned char two[] = { 0x31, 0xc0, 0x83, 0xc0, 39, 0xc7, 0x44, 0x24, 0xb8, 39, 0, 0, 0,
					     0x0f, 0x05, 0x8b, 0x44, 0x24, 0xb8, 0xc3 };
	int a = code_file(one, sizeof(one), 0x100), b = code_file(two, sizeof(two), 0xf8), i, good = 1;

	map_code(a);
	for (i = 0; i < OFTEN; i++)
		good &= ((long (*)(void))(place + 0x100))() == getpid();
	map_code(b);
	for (i = 0; i < OFTEN; i++)
		good &= ((long (*)(void))(place + 0xf8))() == 39;
	return good;
}

static void on_time(int sig)
{
	(void)sig;
}

/* Behind a call that a signal ends is other code than when it was rewritten. */
static int changed_behind(void)
{
	static const unsigned char code[] = { 0x48, 0x89, 0xf8, 0x0f, 0x05, 0x48, 0x3d, 1, 0xf0, 0xff, 0xff, 0xc3 };
	static const unsigned char add[] = { 0x83, 0xc0, 1, 0x90, 0x90, 0x90 };
	struct itimerval soon = { { 0, 0 }, { 0, 50000 } };
	int fd = code_file(code, sizeof(code), 0x100), i;

	map_code(fd);
	for (i = 0; i < OFTEN; i++)
		((int (*)(long))(place + 0x100))(SYS_getpid);
	if (pwrite(fd, add, sizeof(add), 0x105) != sizeof(add))
		return 0;
	map_code(fd);
	signal(SIGALRM, on_time);
	setitimer(ITIMER_REAL, &soon, NULL);
	return ((int (*)(long))(place + 0x100))(SYS_pause) == -EINTR + 1;
}

/* A byte behind a jump that makes what follows look like something else. */
long junk_call(void);
__asm__(".text\n"
	".balign 64\n"
	".globl junk_call\n"
	".type junk_call, @function\n"
	"junk_call:\n"
	"	.cfi_startproc\n"
	"	movl $39, %eax\n"
	"	jmp 1f\n"
	"	.byte 0x6a\n"
	"1:	.byte 0x8d, 0xb8, 39, 0, 0, 0\n"	/* lea 39(%rax), %edi */
	"	syscall\n"
	"	movl %edi, %eax\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size junk_call, . - junk_call\n"
	".balign 64\n");

static int junk(void)
{
	int i, good = 1;

	for (i = 0; i < OFTEN; i++)
		good &= junk_call() == 78;
	return good;
}

/* A number that is none, in both widths: who traces the call sees what the MOV says. */
long no_call(void), no_wide_call(void);
__asm__(".text\n"
	".balign 64\n"
	"	.fill 32, 1, 0x90\n"
	".globl no_call\n"
	"no_call:\n"
	"	movl $-16, %eax\n"
	"	syscall\n"
	"	ret\n"
	"	.fill 32, 1, 0x90\n"
	".globl no_wide_call\n"
	"no_wide_call:\n"
	"	movq $-16, %rax\n"
	"	syscall\n"
	"	ret\n"
	"	.fill 32, 1, 0x90\n");

static int negative(void)
{
	struct user_regs_struct regs = { };
	int status, stops = 0, good = 1, i;
	pid_t p = fork();

	if (!p) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		for (i = 0; i < OFTEN; i++)
			good &= no_call() == -ENOSYS && no_wide_call() == -ENOSYS;
		_exit(!good);
	}
	waitpid(p, &status, 0);
	ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	while (!ptrace(PTRACE_SYSCALL, p, 0, 0) && waitpid(p, &status, 0) == p && WIFSTOPPED(status)) {
		ptrace(PTRACE_GETREGS, p, 0, &regs);
		if (regs.rip - (unsigned long)no_call < 32)
			good &= regs.orig_rax == 0xfffffff0;
		else if (regs.rip - (unsigned long)no_wide_call < 32)
			good &= regs.orig_rax == -16UL;
		else
			continue;
		stops++;
	}
	return good && stops == 4 * OFTEN && !status;
}

static void reviewed(void)
{
	check(in_child(negative), "the number of a call is as wide as its MOV says");
	check(in_child(emulated), "a handler of SIGSYS sees the call, and its answer is taken");
	check(in_child(other_code), "other code at the same address is not taken for the first");
	check(in_child(changed_behind), "a call that a signal ends goes on in the code that is there");
	check(in_child(junk), "bytes behind a jump are not taken for code");
}

int main(int argc, char **argv)
{
	int head, back;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc != 2)
		return 2;
	calls();
	/* Its own reads are the one place where it shows. */
	back = *unwinding() == 0x48;
	head = *(volatile unsigned char *)head_call == 0xb8;
	printf("# calls are %s\n", head != back ? "half and half" : head ? "as they were" : "rewritten");
	jumps();
	readers();
	signals();
	threads();
	mappings(argv[1]);
	steps();
	reviewed();
	calls();
	table();
	printf("1..%d\n", number);
	return failed;
}
