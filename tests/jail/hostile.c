// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest kernel that wants out: it takes a thread of the monitor over and
 * tries every host system call from it, and to open what is worth opening.
 * What it prints, the test compares with the jail's list.
 *
 *	thread=KIND	"vcpu" is where it starts; the others it takes over by
 *			writing over return addresses on their stacks (take.c)
 *	flood=1		only write messages for the user, eight MiB of them
 *	harmless=1	leave out what could harm a host without a jail
 *
 * A line "open KIND NUMBER" is a call that something was answered to but
 * ENOSYS, which the jail says; "open x32 NUMBER" and "open int80 NUMBER" are the
 * other two ways to ask.
 */
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <sys/wait.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "bare.h"
#include "hostile.h"

#define NUMBERS		600
#define NUMBERS_32	480
#define X32		0x40000000
#define BAD		(-1L)
#define FAR		0x40000000L	/* where no image of the test's reaches */

static const char *kind;
static bool harmless;
static uint32_t word = 1;
uint32_t leaving;
static char page[4096] __attribute__((aligned(4096)));
static const struct {
	long sec, nsec;
} no_time;
static const struct {
	void *p;
	long n;
} byte = { page, 1 };

/* A child, should there be one, ends at once: it has our memory or a copy of it. */
static long call(long nr, const long *a)
{
	long ret = bare_call(nr, a[0], a[1], a[2], a[3], a[4], a[5]);

	if (!ret && (nr == __NR_clone || nr == __NR_fork || nr == __NR_vfork || nr == __NR_clone3))
		for (;;)
			bare_call1(__NR_exit_group, 0);
	return ret;
}

/* brk() is refused by the only answer that the C library takes for a refusal. */
static bool refused(long nr, long ret)
{
	return ret == -ENOSYS || (nr == __NR_brk && !ret);
}

static bool answered(long nr, long a, long b, long c, long d, long e, long f)
{
	const long args[6] = { a, b, c, d, e, f };

	return !refused(nr, call(nr, args));
}

/* These wait, end something, or change it, when all their arguments are 0. */
static bool zeros_harm(long nr)
{
	static const short list[] = {
		__NR_clone, __NR_fork, __NR_vfork, __NR_exit, __NR_exit_group, __NR_pause, __NR_select,
		__NR_pselect6, __NR_ppoll, __NR_seccomp, __NR_ptrace, __NR_sethostname, __NR_setdomainname,
		__NR_rt_sigreturn, __NR_vhangup, __NR_setgroups, __NR_kexec_load, __NR_acct, __NR_sync,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(list); i++)
		if (list[i] == nr)
			return true;
	return false;
}

/* These end the caller, if anything does: last, and by themselves. */
static bool ends_caller(long nr)
{
	return nr == __NR_exit || nr == __NR_exit_group || nr == __NR_rt_sigreturn || nr == __NR_pause ||
	       nr == __NR_fork || nr == __NR_vfork;
}

/* A call for one descriptor only: says which. */
static bool on_sockets(long nr, long b, long c, long d)
{
	bool open = false;
	long fd;

	for (fd = 0; fd < 64; fd++) {
		if (!answered(nr, fd, b, c, d, 0, 0))
			continue;
		bare_printf("descriptor %s %ld %ld\n", kind, nr, fd);
		open = true;
	}
	return open;
}

/* With arguments such as who needs the call would give. */
static bool plausible(long nr)
{
	long pid = bare_boot->pid, ram = bare_boot->ram_fd, last = bare_boot->ram_size - 4096;
	long window = R3_VMALLOC_BASE + 0x100000, op;
	bool open = false;

	switch (nr) {
	case __NR_futex:
		for (op = 0; op < 14; op++)
			open |= answered(nr, (long)&word, op, 0, (long)&no_time, (long)&word, 0) ||
				answered(nr, (long)&word, op | FUTEX_PRIVATE_FLAG, 0, (long)&no_time, (long)&word, 0);
		return open;
	case __NR_mmap:
		return answered(nr, window, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, ram, last) |
		       answered(nr, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	case __NR_munmap:
		return answered(nr, window, 4096, 0, 0, 0, 0);
	case __NR_mprotect:
		return answered(nr, (long)page, 4096, PROT_READ | PROT_WRITE, 0, 0, 0);
	case __NR_madvise:
		return answered(nr, (long)bare_ptr(last), 4096, MADV_REMOVE, 0, 0, 0) |
		       answered(nr, (long)bare_ptr(last), 4096, MADV_DONTNEED, 0, 0, 0);
	case __NR_tgkill:
		return answered(nr, pid, 0x3ffffff0, R3_SIG_IRQ, 0, 0, 0);
	case __NR_membarrier:
		return answered(nr, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0, 0, 0, 0);
	case __NR_clock_nanosleep:
		return answered(nr, 0, 0, (long)&no_time, 0, 0, 0);
	case __NR_fallocate:
		/* From behind an image's end it could fill the host's disk. */
		if (answered(nr, -1, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 1L << 40, 4096, 0, 0) ||
		    answered(nr, -1, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, 1L << 40, 0, 0) ||
		    answered(nr, -1, 0, 0, 4096, 0, 0))
			bare_printf("grows %s\n", kind);
		return answered(nr, -1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096, 0, 0);
	case __NR_pwritev:
		/* What is written behind the largest disk grows it. */
		for (op = 3; op < 64; op++)
			if (call(nr, (const long[6]) { op, (long)&byte, 1, FAR }) == 1)
				bare_printf("grows %s\n", kind);
		return false;
	case __NR_wait4:
		return answered(nr, -1, 0, WNOHANG, 0, 0, 0);
	case __NR_sync_file_range:
		/* It may start what is to be written anyway, and wait for nothing. */
		if (answered(nr, -1, 0, 4096, SYNC_FILE_RANGE_WAIT_AFTER, 0, 0))
			bare_printf("waits %s\n", kind);
		return answered(nr, -1, 0, 4096, SYNC_FILE_RANGE_WRITE, 0, 0);
	case __NR_shutdown:
		open = on_sockets(nr, SHUT_RDWR, 0, 0);
		return answered(nr, -1, 1, 0, 0, 0, 0) | open;
	case __NR_sendmsg:
		return on_sockets(nr, 0, MSG_DONTWAIT | MSG_NOSIGNAL, 0);
	case __NR_recvmsg:
		for (op = 0; op < 64; op++)
			if (answered(nr, op, 0, 0, 0, 0, 0))
				bare_printf("waits %s\n", kind);
		return on_sockets(nr, 0, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, 0);
	case __NR_recvfrom:
		return on_sockets(nr, 0, 0, MSG_DONTWAIT);
	case __NR_preadv2:
		if (answered(nr, -1, 0, 0, 0, 0, 0))
			bare_printf("waits %s\n", kind);
		return answered(nr, -1, 0, 0, 0, 0, RWF_NOWAIT);
	case __NR_kill:
		return answered(nr, 0x3ffffff0, 0, 0, 0, 0, 0) || kill_spaces(pid);
	case __NR_clone:
		/* A thread without CLONE_SIGHAND, which clone() itself refuses; a child in a user namespace. */
		return answered(nr, 0x10000, 0, 0, 0, 0, 0) | answered(nr, 0x10000000, 0, 0, 0, 0, 0);
	case __NR_openat:
		return answered(nr, AT_FDCWD, (long)"/etc/passwd", O_RDONLY, 0, 0, 0);
	case __NR_execve:
		return answered(nr, (long)"/nowhere", 0, 0, 0, 0, 0);
	case __NR_socket:
		return answered(nr, 2, 1, 0, 0, 0, 0) | answered(nr, 1, 1, 0, 0, 0, 0);
	}
	return false;
}

static bool is_open(long nr)
{
	static const long bad[6] = { BAD, BAD, BAD, BAD, BAD, BAD }, zeros[6];

	/* Each for itself: one may be refused, another not. */
	return !refused(nr, call(nr, bad)) |
	       (!harmless && !zeros_harm(nr) && !refused(nr, call(nr, zeros))) | plausible(nr);
}

/*
 * uretprobe and uprobe, which hosts from 6.14 on let past every filter. Called
 * from elsewhere than a probe that the host's root has set they do nothing but
 * raise SIGILL, which is more than the threads with all signals blocked survive.
 */
static bool past_filters(long nr)
{
	return nr == 335 || nr == 336;
}

static void call_of(void *nr)
{
	if (is_open((long)nr))
		bare_printf("open %s %ld\n", kind, (long)nr);
}

static void every_past(void)
{
	long nr;
	int sig;

	for (nr = 0; nr < NUMBERS; nr++)
		if (past_filters(nr) && (sig = bare_try(call_of, (void *)nr)))
			bare_printf("signal %s %ld %d\n", kind, nr, sig);
}

static void every_call(void)
{
	long nr;

	for (nr = 0; nr < NUMBERS; nr++)
		if (!ends_caller(nr) && !past_filters(nr) && !(harmless && nr == __NR_sync) && is_open(nr))
			bare_printf("open %s %ld\n", kind, nr);
	for (nr = 0; nr < NUMBERS; nr++)
		if (!past_filters(nr) && !(harmless && ends_caller(nr)) && answered(X32 | nr, BAD, BAD, BAD, BAD, BAD, BAD))
			bare_printf("open x32 %ld\n", nr);
}

static long int80(long nr)
{
	long ret;

	__asm__ volatile("int $0x80" : "=a" (ret)
			 : "a" (nr), "b" (BAD), "c" (BAD), "d" (BAD), "S" (BAD), "D" (BAD)
			 : "r8", "r9", "r10", "r11", "memory");
	return (int)ret;
}

static void every_int80(void *unused)
{
	long nr;

	for (nr = 0; nr < NUMBERS_32; nr++)
		if (int80(nr) != -ENOSYS)
			bare_printf("open int80 %ld\n", nr);
}

static void every_path(void)
{
	static const char *const paths[] = {
		"/", ".", "..", "/etc/passwd", "/etc/shadow", "/proc/self/mem", "/proc/self/maps", "/proc/1/environ",
		"/proc/self/fd/2", "/proc/sys/kernel/core_pattern", "/sys", "/dev/mem", "/dev/kvm", "/dev/null", "/dev/tty",
		"/dev/fuse", "/dev/net/tun", "/tmp", "/var/tmp", "/run", "/home", "/root", "/usr/bin/env", "/boot",
	};
	unsigned int i;
	long fd;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		long how[3] = { O_RDONLY, 0, 0 };
		const char *p = paths[i];

		if ((fd = bare_call3(__NR_open, p, O_RDONLY, 0)) >= 0 ||
		    (fd = bare_call6(__NR_openat, AT_FDCWD, p, O_RDONLY, 0, 0, 0)) >= 0 ||
		    (fd = bare_call6(__NR_openat, 2, p, O_PATH, 0, 0, 0)) >= 0 ||
		    (fd = bare_call6(__NR_openat2, AT_FDCWD, p, how, sizeof(how), 0, 0)) >= 0)
			bare_printf("path %s\n", p);
	}
}

/* What only ends us when it is let through: the name first, and then whether we are still here. */
static void last_calls(void)
{
	static const short list[] = { __NR_pause, __NR_fork, __NR_vfork, __NR_exit, __NR_exit_group };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		bare_printf("try %s %d\n", kind, list[i]);
		if (list[i] == __NR_exit)
			bare_write(leaving, 1);
		if (is_open(list[i]))
			bare_printf("open %s %d\n", kind, list[i]);
		else
			bare_printf("refused %s %d\n", kind, list[i]);
	}
}

/* Its frame is at an address that is none: a fault, if it is let through. */
static void bad_sigreturn(void *unused)
{
	long ret;

	__asm__ volatile("mov %%rsp, %%r12\n\txor %%esp, %%esp\n\tsyscall\n\tmov %%r12, %%rsp"
			 : "=a" (ret) : "a" (__NR_rt_sigreturn) : "rcx", "r11", "r12", "memory");
	if (ret != -ENOSYS)
		bare_printf("open %s %d\n", kind, __NR_rt_sigreturn);
}

/* Nothing catches a fault of other threads than a vCPU: theirs is one that leads back. */
static void good_sigreturn(void)
{
	static struct {
		unsigned long flags, link, stack[3];
		unsigned long r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip;
		unsigned long eflags;
		unsigned short cs, gs, fs, ss;
		unsigned long err, trapno, oldmask, cr2, fpstate, reserved[8];
		unsigned long sigmask;
	} uc = { .ax = 1, .eflags = 0x202, .cs = 0x33, .ss = 0x2b, .sigmask = ~0UL };
	long ret;

	__asm__ volatile("mov %%rbx, %c[bx](%%rdi)\n\tmov %%rbp, %c[bp](%%rdi)\n\tmov %%r12, %c[r12](%%rdi)\n\t"
			 "mov %%r13, %c[r13](%%rdi)\n\tmov %%r14, %c[r14](%%rdi)\n\tmov %%r15, %c[r15](%%rdi)\n\t"
			 "mov %%rsp, %c[sp](%%rdi)\n\tlea 1f(%%rip), %%rcx\n\tmov %%rcx, %c[ip](%%rdi)\n\t"
			 "mov %%rsp, %%rdx\n\tmov %%rdi, %%rsp\n\tsyscall\n\tmov %%rdx, %%rsp\n1:"
			 : "=a" (ret)
			 : "a" (__NR_rt_sigreturn), "D" (&uc), [bx] "i" (offsetof(typeof(uc), bx)),
			   [bp] "i" (offsetof(typeof(uc), bp)), [r12] "i" (offsetof(typeof(uc), r12)),
			   [r13] "i" (offsetof(typeof(uc), r13)), [r14] "i" (offsetof(typeof(uc), r14)),
			   [r15] "i" (offsetof(typeof(uc), r15)), [sp] "i" (offsetof(typeof(uc), sp)),
			   [ip] "i" (offsetof(typeof(uc), ip))
			 : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
	if (ret != -ENOSYS)
		bare_printf("open %s %d\n", kind, __NR_rt_sigreturn);
}

void hostile_thread(void)
{
	every_call();
	if (strcmp(kind, "vcpu"))
		good_sigreturn();
	else if (bare_try(bad_sigreturn, NULL))
		bare_printf("open vcpu %d\n", __NR_rt_sigreturn);
	every_path();
	bare_printf("listed %s\n", kind);
}

/* With what would clear a terminal, and what would do so in eight bits. */
static void flood(void)
{
	static const char bad[] = "\033[2J\2332J\302\2332J";
	unsigned int i;

	memset(page, 'x', sizeof(page));
	memcpy(page, bad, sizeof(bad) - 1);
	page[sizeof(page) - 1] = '\n';
	for (i = 0; i < 2048; i++)
		bare_call3(__NR_write, 2, page, sizeof(page));
}

void bare_main(void)
{
	const char *option = bare_option("thread");
	static char name[16];

	memcpy(name, option ? option : "vcpu", strlen(option ? option : "vcpu"));
	kind = name;
	harmless = bare_option("harmless");
	if (bare_option("flood")) {
		flood();
		return;
	}
	if (strcmp(kind, "vcpu")) {
		take_thread(kind);
		return;
	}
	hostile_thread();
	if (harmless)
		return;
	every_past();
	/* A host without 32-bit calls says so with a fault. */
	if (bare_try(every_int80, NULL))
		bare_printf("int80 faults\n");
	memory_calls();
	victims();
	bare_done();
	last_calls();
}

void hostile_last(void)
{
	last_calls();
}
