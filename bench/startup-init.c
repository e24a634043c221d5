// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PID 1 of the start-up benchmark: notes the time stamp counter at its
 * very first instruction, says so on the console, runs a shell, and turns the
 * machine off. It has no libc, which would run before it.
 *
 * Started on the host, it prints one reading of CLOCK_MONOTONIC and the
 * counter, by which the guest's reading is turned into the host's time.
 */
#include <asm/unistd.h>
#include <linux/reboot.h>

#define MONOTONIC	1

static long sys(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall" : "=a"(ret)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return ret;
}

static unsigned long tsc(void)
{
	unsigned int lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi));
	return ((unsigned long)hi << 32) | lo;
}

static char *number(char *end, unsigned long n)
{
	do {
		*--end = '0' + n % 10;
		n /= 10;
	} while (n);
	return end;
}

/* One write a line: consoles do not keep two apart. */
static void say(const char *word, unsigned long a, unsigned long b)
{
	char buf[96], *p = buf + sizeof(buf);
	unsigned int n = 0;

	*--p = '\n';
	p = number(p, b);
	*--p = ' ';
	p = number(p, a);
	*--p = ' ';
	while (word[n])
		n++;
	while (n)
		*--p = word[--n];
	sys(__NR_write, 1, (long)p, buf + sizeof(buf) - p, 0);
}

static unsigned long monotonic(void)
{
	long ts[2] = { 0, 0 };

	sys(__NR_clock_gettime, MONOTONIC, (long)ts, 0, 0);
	return ts[0] * 1000000000UL + ts[1];
}

/* The kernel starts PID 1 without a console if there was none yet. */
static void open_console(void)
{
	static const long ms[2] = { 0, 1000000 };
	long fd;

	if (sys(__NR_fcntl, 1, 1 /* F_GETFD */, 0, 0) >= 0)
		return;
	while ((fd = sys(__NR_open, (long)"/dev/console", 2 /* O_RDWR */, 0, 0)) < 0)
		sys(__NR_nanosleep, (long)ms, 0, 0, 0);
	for (; fd < 2; fd++)
		sys(__NR_dup, fd, 0, 0, 0);
}

static void run_shell(char **envp)
{
	static const char *const argv[] = { "sh", "-c", "echo bench-shell 0 0", 0 };
	long pid = sys(__NR_fork, 0, 0, 0, 0);

	if (!pid) {
		sys(__NR_execve, (long)"/bin/sh", (long)argv, (long)envp, 0);
		sys(__NR_exit, 127, 0, 0, 0);
	}
	sys(__NR_wait4, pid, 0, 0, 0);
}

__attribute__((used, noreturn)) void bench_main(long *stack);

/* stack: argc, argv, envp, as the kernel leaves them. */
void bench_main(long *stack)
{
	unsigned long first = tsc();

	if (sys(__NR_getpid, 0, 0, 0, 0) != 1) {
		say("bench-clock", monotonic(), tsc());
		sys(__NR_exit, 0, 0, 0, 0);
	}
	open_console();
	say("bench-pid1", first, 0);
	run_shell((char **)(stack + 1 + stack[0] + 1));
	sys(__NR_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF, 0);
	for (;;)
		sys(__NR_pause, 0, 0, 0, 0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"	xorl %ebp, %ebp\n"
	"	movq %rsp, %rdi\n"
	"	andq $-16, %rsp\n"
	"	call bench_main\n"
	"	hlt\n");
