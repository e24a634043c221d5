// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random user code of several uids, judged by what every process knows to be true: what
 * its memory, code and registers hold, and that it lives. Run as guest root:
 *
 *   userfuzz SECONDS SEED [FIRST-ROUND [WITHOUT]]	prints findings; 1 if there are any
 *
 * WITHOUT leaves steps out, so that on a kernel with one mistake others can be looked
 * for: a sum of 1 hostile ones, 2 shared mappings of code, 4 calls at their second
 * instruction, 8 signals on cold stacks, 16 threads in a page of code while another
 * sleeps there.
 *
 * A round has new files, so that there always are calls that were not made before. In
 * each, processes with seeds of their own do what their numbers say: most as programs
 * may, some with hostile steps. From those nobody expects to survive; that they see
 * nothing of others is expected of all.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "attack.h"

#define FILES 2
#define PAGES 4			/* of a file of code */
#define SITES 40		/* in each, of two forms */
#define FIRST 0x100
#define APART 32
#define DATA 0xd00
#define GOOD 0x600d0000U
#define CANARY 0xca9a47UL	/* upper bits of what memory is filled with: whose it is */
#define ROUND_MS 1500
#define KIDS 6			/* at a time */
#define WITNESSES 4
#define QUIET 8			/* rounds in which it makes no step: on a busy host there are some */

static const unsigned int uids[] = { 0, 1000, 1001 };

/* Every other round few processes do one thing with the vCPUs for themselves. */
enum { FOCUS_NONE, FOCUS_COPIES, FOCUS_MIDDLE, FOCUS_SIGNALS, FOCUS_PAGES, NR_FOCUS };

static struct board {
	volatile int findings, stop, round;
	volatile int focus;		/* of this round, FOCUS_* */
	volatile int page;		/* FOCUS_MIDDLE: where both are */
	volatile unsigned long kids, steps, deaths, looks;
	volatile unsigned int alive[WITNESSES];
	char dir[64];
} *board;

static unsigned long rng, seed0, without;
static unsigned int me;			/* whose canaries */
static int hostile, kid_index;
static const unsigned char *code[FILES];

static unsigned long rnd(unsigned long n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % n;
}

static void __attribute__((format(printf, 1, 2))) finding(const char *fmt, ...)
{
	char text[300];
	va_list ap;
	int n;

	n = snprintf(text, sizeof(text), "FINDING seed %lu round %d uid %u%s: ", seed0, board->round, getuid(),
		     hostile ? " hostile" : "");
	va_start(ap, fmt);
	n += vsnprintf(text + n, sizeof(text) - n - 2, fmt, ap);
	va_end(ap);
	text[n++] = '\n';
	if (__atomic_fetch_add(&board->findings, 1, __ATOMIC_SEQ_CST) < 8)
		syscall(SYS_write, 1, text, n);
}

/* ---- code ---- */

static const struct {
	unsigned int at, len, jump;
	const char *bytes;
} functions[] = {
	/* movabs $imm, %rax; ret, with calls in the immediates */
	{ 0x20, 11, 2, "\x48\xb8\x0f\x05\x48\x3d\x01\xf0\xff\xff\xc3" },
	{ 0x40, 11, 2, "\x48\xb8\xb8\x27\x00\x00\x00\x0f\x05\xc3\xc3" },
};

static void make_page(unsigned char *p, int n)
{
	static const unsigned char nrs[] = { SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid };
	unsigned int good = GOOD | n, i;

	memset(p, 0x90, PAGE);
	p[0x10] = 0xb8;
	memcpy(p + 0x11, &good, 4);
	p[0x15] = 0xc3;
	for (i = 0; i < 2; i++)
		memcpy(p + functions[i].at, functions[i].bytes, functions[i].len);
	for (i = 0; i < SITES; i++) {
		unsigned char *s = p + FIRST + i * APART;

		memcpy(s, "\xb8\0\0\0\0\x0f\x05\xc3", 8);
		s[1] = nrs[i % 4];
		memcpy(s + 16, "\x0f\x05\x48\x3d\x01\xf0\xff\xff\xc3", 9);
	}
	memset(p + DATA, 0x40 + n, PAGE - DATA);
}

static void make_files(int round)
{
	unsigned char p[PAGE];
	char path[128];
	int f, n, fd;

	for (f = 0; f < FILES; f++) {
		snprintf(path, sizeof(path), "%s/%d-%d", board->dir, round - 2, f);
		unlink(path);
		snprintf(path, sizeof(path), "%s/%d-%d", board->dir, round, f);
		fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
		if (fd < 0 && errno == EEXIST)
			continue;		/* the first round's, which the witnesses have mapped */
		if (fd < 0)
			cannot("no file");
		for (n = 0; n < PAGES; n++) {
			make_page(p, n);
			if (write(fd, p, PAGE) != PAGE)
				cannot("no room");
		}
		close(fd);
	}
}

static const unsigned char *map_code(int f, int flags)
{
	char path[128];
	const void *p = MAP_FAILED;
	int fd;

	snprintf(path, sizeof(path), "%s/%d-%d", board->dir, board->round, f);
	fd = open(path, O_RDONLY);
	if (fd >= 0)
		p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_EXEC, flags, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static long call_at(const unsigned char *site, long nr, long a, long b)
{
	register long ax __asm__("rax") = nr;
	register long di __asm__("rdi") = a;
	register long si __asm__("rsi") = b;

	__asm__ volatile("subq $128, %%rsp; call *%3; addq $128, %%rsp" : "+r"(ax) : "r"(di), "r"(si), "r"(site)
			 : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
	return ax;
}

/* Executes and reads what is never rewritten of a page. Makes no call. */
static int page_wrong(const unsigned char *file, int n)
{
	const volatile unsigned char *p = file + n * PAGE;
	unsigned int (*f)(void) = (void *)(p + 0x10), i;
	unsigned long (*g)(void), want;

	for (i = DATA; i < PAGE; i += 8)
		if (p[i] != 0x40 + n)
			return i;
	if (f() != (GOOD | n))
		return 0x10;
	for (i = 0; i < 2; i++) {
		g = (void *)(p + functions[i].at);
		memcpy(&want, functions[i].bytes + 2, 8);
		/* In a process that jumped into it, that is its own doing. */
		if (!hostile && g() != want)
			return functions[i].at;
	}
	return 0;
}

static void look_at_code(const unsigned char *file, int n, const char *what)
{
	int at = page_wrong(file, n);

	board->looks++;
	if (at)
		finding("%s is wrong at %#x: %#lx", what, at, *(const unsigned long *)(file + n * PAGE + (at & ~7)));
}

/* ---- memory ---- */

#define REGIONS 8
static struct region {
	unsigned long *p;
	unsigned long pages;
} regions[REGIONS];

static unsigned long canary(unsigned int who, unsigned long i)
{
	return CANARY << 40 | (unsigned long)(who & 0xffffff) << 16 | (i & 0xffff);
}

static void fill(struct region *r)
{
	unsigned long i;

	for (i = 0; i < r->pages * 512; i += 64)
		r->p[i] = canary(me, i);
}

static void look_at_region(struct region *r)
{
	unsigned long i, v;

	if (!r->p)
		return;
	board->looks++;
	for (i = 0; i < r->pages * 512; i += 64) {
		v = *(volatile unsigned long *)&r->p[i];
		if (v == canary(me, i))
			continue;
		if (v >> 40 == CANARY && (v >> 16 & 0xffffff) != me)
			finding("memory of process %lu is in that of %u: %#lx", v >> 16 & 0xffffff, me, v);
		else if (!hostile)
			finding("memory of process %u is wrong: %#lx, not %#lx", me, v, canary(me, i));
		return;
	}
}

static void new_region(struct region *r)
{
	r->pages = 1 + rnd(16);
	r->p = mmap(NULL, r->pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->p == MAP_FAILED)
		r->p = NULL;
	else
		fill(r);
}

/* ---- registers ---- */

static int vectors_wrong(unsigned long v, int ms)
{
	struct timespec t = { 0, ms * 1000000 };
	unsigned long a, b;

	__asm__ volatile("movq %[v], %%xmm6; movq %[v], %%xmm15; movl %[nr], %%eax; xorl %%esi, %%esi; syscall;"
			 "movq %%xmm6, %[a]; movq %%xmm15, %[b]"
			 : [a] "=&r"(a), [b] "=&r"(b) : [v] "r"(v), [nr] "i"(SYS_nanosleep), "D"(&t)
			 : "rax", "rsi", "rcx", "r11", "xmm6", "xmm15", "memory");
	return a != v || b != v;
}

/* Computes without a call: who preempts has to put them back. */
static int vectors_spin(unsigned long v, long turns)
{
	unsigned long a, b;

	__asm__ volatile("movq %[v], %%xmm7; movq %[v], %%xmm14; 1: pause; decq %[n]; jnz 1b;"
			 "movq %%xmm7, %[a]; movq %%xmm14, %[b]"
			 : [a] "=&r"(a), [b] "=&r"(b), [n] "+r"(turns) : [v] "r"(v) : "xmm7", "xmm14", "cc");
	return a != v || b != v;
}

static void look_at_vectors(void)
{
	unsigned long v = canary(me, rnd(65536));

	board->looks++;
	if (rnd(2) ? vectors_wrong(v, rnd(3)) : vectors_spin(v, 1000 + rnd(200000)))
		finding("vector registers of process %u are wrong", me);
}

/* ---- signals, on a stack whose pages are not there ---- */

static volatile unsigned long signals;
static char *signal_file;

static void on_alarm(int sig, siginfo_t *si, void *context)
{
	/* Whatever the handler does to them comes back. */
	__asm__ volatile("pxor %%xmm7, %%xmm7; pxor %%xmm14, %%xmm14" ::: "xmm7", "xmm14");
	signals++;
}

static void cold_stack(void)
{
	char path[128];
	stack_t ss = { .ss_size = 16 * PAGE };
	struct sigaction act = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	int fd;

	snprintf(path, sizeof(path), "%s/stack-%d-%d", board->dir, getpid(), gettid());
	fd = open(path, O_RDWR | O_CREAT, 0600);
	unlink(path);
	if (fd < 0 || (without & 8) || ftruncate(fd, 16 * PAGE))
		return;
	signal_file = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	ss.ss_sp = signal_file;
	if (signal_file == MAP_FAILED || sigaltstack(&ss, NULL))
		return;
	sigaction(SIGALRM, &act, NULL);
}

static void take_signals(void)
{
	struct itimerval t = { { 0, 700 }, { 0, 300 } }, off = { };
	unsigned long v = canary(me, rnd(65536));
	int i;

	for (i = 0; i < 3; i++) {
		madvise(signal_file, 16 * PAGE, MADV_PAGEOUT);
		madvise(signal_file, 16 * PAGE, MADV_DONTNEED);
		setitimer(ITIMER_REAL, &t, NULL);
		if (vectors_spin(v, 300000))
			finding("vector registers of process %u are wrong after a signal", me);
		setitimer(ITIMER_REAL, &off, NULL);
	}
}

/* ---- what programs do ---- */

static void *in_page(void *arg)
{
	struct timespec t, now;
	int n = (long)arg;

	clock_gettime(CLOCK_MONOTONIC, &t);
	do {
		look_at_code(code[0], n, "code that a thread is in");
		look_at_region(&regions[0]);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - t.tv_sec) * 1000 + (now.tv_nsec - t.tv_nsec) / 1000000 < 20 && !board->stop);
	return NULL;
}

static const unsigned char *some_site(int *n)
{
	*n = rnd(SITES);
	return code[0] + rnd(PAGES) * PAGE + FIRST + *n * APART;
}

/* What the call at a site answers. */
static long right_answer(int n)
{
	switch (n % 4) {
	case 0: return syscall(SYS_getpid);
	case 1: return syscall(SYS_getppid);
	case 2: return syscall(SYS_gettid);
	}
	return syscall(SYS_getuid);
}

static void use_pipe(void)	/* whose pages have been others' */
{
	static unsigned long out[512], in[512];
	int fd[2], i, n;

	if (pipe(fd))
		return;
	for (i = 0; i < 512; i++)
		out[i] = canary(me, i);
	for (n = 0; n < 15; n++)
		if (write(fd[1], out, PAGE) != PAGE)
			goto out;
	usleep(rnd(3000));
	for (n = 0; n < 15; n++)
		if (read(fd[0], in, PAGE) != PAGE || memcmp(in, out, PAGE)) {
			finding("a pipe of process %u returns something else: %#lx", me, in[n]);
			break;
		}
out:
	close(fd[0]);
	close(fd[1]);
}

static void own_code(void)
{
	unsigned char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	if (p == MAP_FAILED)
		return;
	for (i = 0; i < 20; i++) {
		unsigned int v = rnd(1u << 31);

		p[0] = 0xb8;
		memcpy(p + 1, &v, 4);
		p[5] = 0xc3;
		if (((unsigned int (*)(void))p)() != v)
			finding("code that process %u wrote returns something else", me);
		if (i == 10)
			mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	}
	munmap(p, PAGE);
}

static void forked(void)
{
	int pid = fork(), i, status;

	if (!pid) {
		for (i = 0; i < REGIONS; i++)
			look_at_region(&regions[i]);
		me = getpid();
		for (i = 0; i < REGIONS; i++)
			if (regions[i].p)
				fill(&regions[i]);
		look_at_code(code[0], rnd(PAGES), "code of a child");
		_exit(7);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status != 7 << 8 && !hostile)
		finding("a child ended with %#x", status);
}

static void step(void)
{
	struct region *r = &regions[rnd(REGIONS)];
	struct timespec t = { 0, 1000000 + rnd(8000000) };
	const unsigned char *site, *shared_code;
	struct iovec to, from;
	unsigned long v;
	pthread_t thread;
	long got;
	int n;

	board->steps++;
	switch (rnd(22)) {
	case 0: case 1:
		if (!r->p)
			new_region(r);
		break;
	case 2:
		if (r->p && r != regions) {
			munmap(r->p, r->pages * PAGE);
			r->p = NULL;
		}
		break;
	case 3:
		if (r->p && r != regions) {
			madvise(r->p, r->pages * PAGE, MADV_DONTNEED);
			v = r->p[rnd(r->pages) * 512];
			if (v && !hostile)
				finding("memory of process %u is %#lx after MADV_DONTNEED", me, v);
			fill(r);
		}
		break;
	case 4:
		if (r->p) {
			mprotect(r->p, r->pages * PAGE, PROT_READ);
			look_at_region(r);
			mprotect(r->p, r->pages * PAGE, PROT_READ | PROT_WRITE);
		}
		break;
	case 5:
		if (r->p && r != regions) {
			void *p = mremap(r->p, r->pages * PAGE, (r->pages + 3) * PAGE, MREMAP_MAYMOVE);

			if (p != MAP_FAILED) {
				r->p = p;
				look_at_region(r);
				r->pages += 3;
				fill(r);
			}
		}
		break;
	case 6:
		forked();
		break;
	case 7: case 8: case 9:
		/* A call made here twice, or more often */
		site = some_site(&n);
		for (v = 0; v < 3; v++) {
			got = call_at(site, 0, 0, 0);
			if (got != right_answer(n) && !hostile)
				finding("a call returns %ld, not %ld", got, right_answer(n));
		}
		break;
	case 10:
		if (without & 4)
			break;
		/* At its second instruction */
		site = some_site(&n);
		call_at(site, 0, 0, 0);
		got = call_at(site + 5, SYS_getppid, 0, 0);
		if (got != syscall(SYS_getppid) && !hostile)
			finding("a call in the middle returns %ld", got);
		break;
	case 11: case 12: case 13:
		if (without & 16)
			break;
		/* One that sleeps, beside a thread in the same page */
		site = some_site(&n) + 16;
		call_at(site, SYS_getppid, 0, 0);
		if (pthread_create(&thread, NULL, in_page, (void *)((site - code[0]) / PAGE)))
			break;
		usleep(2000);
		t.tv_nsec += 8000000;
		call_at(site, SYS_nanosleep, (long)&t, 0);
		pthread_join(thread, NULL);
		break;
	case 14:
		shared_code = without & 2 ? NULL : map_code(0, MAP_SHARED);
		if (shared_code) {
			unsigned char p[PAGE];

			n = rnd(PAGES);
			make_page(p, n);
			board->looks++;
			if (memcmp(p, shared_code + n * PAGE, PAGE))
				finding("a shared mapping of code is not what the file is");
			munmap((void *)shared_code, PAGES * PAGE);
		}
		break;
	case 15:
		if (code[1])
			munmap((void *)code[1], PAGES * PAGE);
		code[1] = map_code(1, MAP_PRIVATE);
		if (code[1])
			look_at_code(code[1], rnd(PAGES), "code that was mapped anew");
		break;
	case 16:
		if (!code[1])		/* in code[0] there may be a thread */
			break;
		n = rnd(PAGES);
		mprotect((void *)(code[1] + n * PAGE), PAGE, PROT_READ);
		mprotect((void *)(code[1] + n * PAGE), PAGE, PROT_READ | PROT_EXEC);
		look_at_code(code[1], n, "code that was protected");
		break;
	case 17:
		if (rnd(4) == 0 && signal_file)
			take_signals();
		else
			look_at_vectors();
		break;
	case 18:
		use_pipe();
		break;
	case 19:
		own_code();
		break;
	case 20:
		if (regions[0].p) {
			to = (struct iovec){ &v, 8 };
			from = (struct iovec){ regions[0].p, 8 };
			if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 8 && v != canary(me, 0) && !hostile)
				finding("process_vm_readv returns %#lx", v);
		}
		break;
	default:
		look_at_region(r);
		look_at_code(code[0], rnd(PAGES), "code");
	}
}

/* ---- what they do not ---- */

static void hostile_step(void)
{
	struct r3_slot *slot = (void *)(R3_STUB_SLOTS + rnd(cpus()) * R3_SLOT_STRIDE);
	struct regs regs;
	struct frame *frame;
	int i, n;

	board->steps++;
	trying = 1;
	if (!TRY()) {
		trying = 0;
		return;
	}
	switch (rnd(6)) {
	case 0: case 1:
		for (i = 0; i < 3; i++)		/* inside of instructions */
			call_at(code[0] + rnd(PAGES) * PAGE + functions[rnd(2)].at + 2 + 5 * rnd(2), SYS_getpid, 0, 0);
		break;
	case 2:
		((volatile unsigned int *)slot)[rnd(128)] = rnd(4);
		break;
	case 3:
		/* An event that never happened: any signal, anywhere; or a kick in a trampoline. */
		if (!slot->uc || !slot->info)
			break;
		frame = (void *)slot->uc;
		n = rnd(8);
		for (i = 0; i < 200; i++) {
			frame->g[REG_RIP] = R3_STUB_TRAMP + rnd(R3_MAX_SITES) * 16;
			slot->sig = n ? R3_SIG_KICK : rnd(32);
			slot->resume = 0;
			slot->event = 1;
			for (n = 0; *(volatile __u32 *)&slot->resume != 1 && n < 100000; n++)
				;
			n = 1;
		}
		break;
	default:
		for (i = 0; i < (int)(sizeof(regs) / 8); i++)
			((uint64_t *)&regs)[i] = rnd(2) ? rnd(16) : (uint64_t)slot + 8 * rnd(64);
		regs.ip = rnd(2) ? R3_STUB_TRAMP + rnd(R3_MAX_SITES) * 16 : R3_STUB_BASE + rnd(stub_length());
		regs.sp = (uint64_t)slot;
		regs.cs = 0x33;
		regs.ss = 0x2b;
		regs.flags = FLAGS_RUN;
		enter(&regs);
	}
	trying = 0;
}

/* ---- rounds with a focus ---- */

static void call_often(const unsigned char *site, long nr)
{
	call_at(site, nr, 0, 0);
	call_at(site, nr, 0, 0);
	call_at(site, nr, 0, 0);
}

static const unsigned char *in_file(int page, int n)
{
	return code[0] + page * PAGE + FIRST + n * APART;
}

static void *stay_in_page(void *arg)
{
	stay_on(cpus() - 1);
	return in_page(arg);
}

/* A thread in a page, and a sibling that sleeps in a call that was new there. */
static void focus_copies(int index)
{
	struct timespec t = { 0, 15000000 };
	pthread_t thread;
	int n;

	stay_on(0);
	for (n = 0; n < SITES && board->focus == FOCUS_COPIES && !board->findings; n++) {
		int page = board->round / 2 % PAGES;

		switch (index) {
		case 0:
			if (n == 0)
				call_often(in_file(page, 0), 0);
			if (pthread_create(&thread, NULL, stay_in_page, (void *)(long)page))
				return;
			usleep(3000);
			call_at(in_file(page, n) + 16, SYS_getppid, 0, 0);
			call_at(in_file(page, n) + 16, SYS_nanosleep, (long)&t, 0);
			pthread_join(thread, NULL);
			break;
		case 1:
			usleep(7000 + rnd(20000));
			call_often(in_file(page, n), 0);
			break;
		case 2:
			use_pipe();
			use_pipe();
			use_pipe();
			break;
		}
	}
}

/* Calls at the second instruction of a call, while others are rewritten before it. */
static void focus_middle(int index)
{
	int page, n, turns;

	stay_on(index ? 0 : cpus() - 1);
	if (index > 1)
		return;
	for (page = 0; page < PAGES && !board->findings; page++) {
		if (index == 0) {
			call_often(in_file(page, SITES - 1), 0);
			board->page = page + 1;
			for (turns = 0; board->page == page + 1 && turns < 1000000; turns++)
				if (call_at(in_file(page, SITES - 1) + 5, SYS_getppid, 0, 0) != right_answer(1)) {
					finding("a call in the middle returns something else");
					break;
				}
		} else {
			for (turns = 0; board->page != page + 1 && turns < 5000; turns++)
				usleep(100);
			for (n = SITES - 2; n >= 0; n--) {
				call_often(in_file(page, n) + 16, SYS_getppid);
				call_often(in_file(page, n), 0);
			}
			board->page = 0;
			usleep(1000);
		}
	}
}

/* Threads that signal each other, on stacks that have to be read from a file. */
static void *signalled(void *arg)
{
	pthread_t *others = arg;
	char path[128];
	stack_t ss = { .ss_size = 16 * PAGE };
	unsigned long v = canary(gettid(), 1);
	int fd, i;

	stay_on(0);
	snprintf(path, sizeof(path), "%s/stack-%d", board->dir, gettid());
	fd = open(path, O_RDWR | O_CREAT, 0600);
	unlink(path);
	if (fd < 0 || ftruncate(fd, 16 * PAGE))
		return NULL;
	ss.ss_sp = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ss.ss_sp == MAP_FAILED || sigaltstack(&ss, NULL))
		return NULL;
	for (i = 0; i < 60 && !board->findings; i++) {
		msync(ss.ss_sp, 16 * PAGE, MS_SYNC);
		madvise(ss.ss_sp, 16 * PAGE, MADV_DONTNEED);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		board->looks++;
		if (vectors_spin(v, 150000))
			finding("vector registers of a thread are wrong after a signal");
		pthread_kill(others[i % 2], SIGALRM);
	}
	usleep(50000);		/* until nobody signals it any more */
	return NULL;
}

static void focus_signals(int index)
{
	struct sigaction act = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
	static pthread_t threads[2];
	int i;

	if (index > 0 || (without & 8))
		return;
	sigaction(SIGALRM, &act, NULL);
	threads[0] = threads[1] = pthread_self();
	signal(SIGALRM, SIG_IGN);
	for (i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, signalled, threads))
			return;
	sigaction(SIGALRM, &act, NULL);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* A thread that goes on in a page that its sibling gives back. */
static struct {
	unsigned long *volatile page;
	volatile unsigned long touched;
	volatile unsigned int gone;	/* which, once no access may succeed */
	volatile int stop;
} prey;

static void *touch_page(void *unused)
{
	char own[32768];
	stack_t ss = { .ss_sp = own, .ss_size = sizeof(own) };

	sigaltstack(&ss, NULL);
	stay_on(cpus() - 1);
	while (!prey.stop) {
		volatile unsigned long *p = prey.page;
		unsigned int gone;
		unsigned long v;

		if (!p) {
			sched_yield();
			continue;
		}
		trying = 1;
		if (TRY()) {
			while (prey.page == p && !prey.stop) {
				gone = prey.gone;
				v = p[64];
				prey.touched++;
				if (v >> 40 == CANARY && (v >> 16 & 0xffffff) != me) {
					finding("a page is read that has become another process's: %#lx", v);
					prey.stop = 1;
				} else if (v && gone && gone == prey.gone) {
					finding("a page is read after it was given back: %#lx", v);
					prey.stop = 1;
				}
			}
		} else if (prey.page == p) {
			prey.page = NULL;
		}
		trying = 0;
	}
	return NULL;
}

static void focus_pages(int index)
{
	pthread_t thread;
	unsigned long *p, seen;
	unsigned int n;
	int spins;

	if (index >= 2)
		return;
	stay_on(0);
	if (index) {
		while (board->focus == FOCUS_PAGES && rnd(300))
			use_pipe();
		return;
	}
	catch_signals();
	if (pthread_create(&thread, NULL, touch_page, NULL))
		return;
	for (n = 1; n < 1500 && !prey.stop && board->focus == FOCUS_PAGES; n++) {
		prey.gone = 0;
		p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			break;
		p[64] = canary(me, 64);
		seen = prey.touched;
		prey.page = p;
		for (spins = 0; prey.touched - seen < 5 && spins < 20000; spins++)
			if (cpus() == 1)
				sched_yield();
		if (n % 2)
			munmap(p, PAGE);
		else
			madvise(p, PAGE, MADV_DONTNEED);
		prey.gone = n;
		use_pipe();
		prey.page = NULL;
		if (n % 2 == 0)
			munmap(p, PAGE);
	}
	prey.stop = 1;
	pthread_join(thread, NULL);
}

/* ---- processes ---- */

static void begin(unsigned long seed, unsigned int uid)
{
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!getuid() && uid && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		_exit(99);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rng = seed * 0x9e3779b97f4a7c15UL + 1;
	for (i = 0; i < 8; i++)
		rnd(2);
	me = getpid();
	memset(regions, 0, sizeof(regions));
	new_region(&regions[0]);
	code[0] = map_code(0, MAP_PRIVATE);
	code[1] = NULL;
	if (!code[0])
		_exit(0);
}

static void kid(unsigned long seed, unsigned int uid)
{
	static void (*const focus[])(int index) = { NULL, focus_copies, focus_middle, focus_signals, focus_pages };
	struct timespec t, now;

	begin(seed, uid);
	if (board->focus) {
		focus[board->focus](kid_index);
		_exit(0);
	}
	hostile = rnd(4) == 0 && !(without & 1);
	if (hostile)
		catch_signals();
	else if (rnd(4) == 0)
		cold_stack();
	clock_gettime(CLOCK_MONOTONIC, &t);
	do {
		if (hostile && rnd(3) == 0)
			hostile_step();
		else
			step();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - t.tv_sec < 1 && !board->stop);
	_exit(0);
}

static void *witness_thread(void *unused)
{
	while (!board->stop) {
		const unsigned char *c = code[0];
		int i, n = board->looks % PAGES;

		for (i = 0; i < 3000 && !board->stop && !board->focus; i++)
			look_at_code(c, n, "code of a witness's thread");
		usleep(5000);
	}
	return NULL;
}

/* Does all that a program may, and nothing else. Maps the files of each round. */
static void witness(int index, unsigned long seed, unsigned int uid)
{
	pthread_t thread;
	int round = -1;

	begin(seed, uid);
	cold_stack();
	while (!board->stop) {
		if (round != board->round) {
			const unsigned char *c = map_code(0, MAP_PRIVATE);

			if (c) {		/* the old ones stay: the thread is in them */
				code[0] = c;
				if (round < 0 && pthread_create(&thread, NULL, witness_thread, NULL))
					_exit(98);
				round = board->round;
			}
		}
		board->alive[index]++;
		if (board->focus)
			usleep(20000);
		else
			step();
	}
	_exit(0);
}

static int start(void (*fn)(unsigned long, unsigned int), unsigned long seed, unsigned int uid)
{
	int pid = fork();

	if (!pid) {
		fn(seed, uid);
		_exit(0);
	}
	if (pid < 0)
		cannot("fork");
	return pid;
}

static int start_witness(int index, unsigned long seed, unsigned int uid)
{
	int pid = fork();

	if (!pid)
		witness(index, seed, uid);
	return pid;
}

static long ms_since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - t->tv_sec) * 1000 + (now.tv_nsec - t->tv_nsec) / 1000000;
}

/* They end by themselves; a SIGKILL helps those that do not, and what even that does not end is a finding. */
static void one_round(int round)
{
	struct { int pid; unsigned long seed; } kids[KIDS] = { };
	struct timespec t;
	int i, status, left;

	make_files(round);
	board->focus = round % 2 ? round / 2 % NR_FOCUS : FOCUS_NONE;
	if ((board->focus == FOCUS_COPIES && (without & 16)) || (board->focus == FOCUS_MIDDLE && (without & 4)))
		board->focus = FOCUS_NONE;
	board->round = round;
	clock_gettime(CLOCK_MONOTONIC, &t);
	for (i = 0; i < KIDS; i++) {
		kids[i].seed = seed0 + round * 1000UL + i;
		kid_index = i;
		kids[i].pid = start(kid, kids[i].seed, uids[i % 3]);
		board->kids++;
	}
	do {
		for (i = left = 0; i < KIDS; i++) {
			if (!kids[i].pid)
				continue;
			if (waitpid(kids[i].pid, &status, WNOHANG) != kids[i].pid) {
				left++;
				continue;
			}
			kids[i].pid = 0;
			if (!WIFSIGNALED(status))
				continue;
			board->deaths++;
			/* Is it one that has hostile steps? By its first number. */
			rng = kids[i].seed * 0x9e3779b97f4a7c15UL + 1;
			for (int j = 0; j < 8; j++)
				rnd(2);
			rnd(16);		/* new_region() */
			if ((rnd(4) || (without & 1) || board->focus) && WTERMSIG(status) != SIGKILL)
				finding("process %d of uid %u ended by signal %d", i, uids[i % 3], WTERMSIG(status));
		}
		usleep(5000);
		if (ms_since(&t) > ROUND_MS + 1000)
			for (i = 0; i < KIDS; i++)
				if (kids[i].pid)
					kill(kids[i].pid, SIGKILL);
	} while (left && ms_since(&t) < 40000);
	for (i = 0; i < KIDS; i++)
		if (kids[i].pid)
			finding("process %d of uid %u is not ended by SIGKILL", i, uids[i % 3]);
}

int main(int argc, char **argv)
{
	struct timespec t;
	unsigned int before[WITNESSES];
	int pid[WITNESSES], quiet[WITNESSES] = { }, i, round, status;
	long seconds;

	if (argc < 3) {
		fprintf(stderr, "usage: userfuzz SECONDS SEED [FIRST-ROUND [WITHOUT]]\n");
		return 2;
	}
	attack_init();
	for (i = 1; i < 32; i++)		/* attack_init() catches them: here a death is one */
		signal(i, SIG_DFL);
	seconds = atol(argv[1]);
	seed0 = strtoul(argv[2], NULL, 0);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		cannot("no memory");
	round = argc > 3 ? atoi(argv[3]) : 0;
	without = argc > 4 ? atol(argv[4]) : 0;
	snprintf(board->dir, sizeof(board->dir), "/tmp/userfuzz-%d", getpid());
	if (mkdir(board->dir, 0777) || chmod(board->dir, 01777))
		cannot("no directory");
	make_files(round);
	board->round = round;
	for (i = 0; i < WITNESSES; i++)
		pid[i] = start_witness(i, seed0 + i, uids[i % 3]);
	clock_gettime(CLOCK_MONOTONIC, &t);
	while (ms_since(&t) < seconds * 1000 && !board->findings) {
		for (i = 0; i < WITNESSES; i++)
			before[i] = board->alive[i];
		one_round(round++);
		for (i = 0; i < WITNESSES; i++) {
			if (waitpid(pid[i], &status, WNOHANG) == pid[i]) {
				finding("witness %d of uid %u ended (%#x)", i, uids[i % 3], status);
				pid[i] = 0;
			} else if (before[i] != board->alive[i]) {
				quiet[i] = 0;
			} else if (++quiet[i] == QUIET) {
				finding("witness %d of uid %u does not get on", i, uids[i % 3]);
			}
		}
	}
	board->stop = 1;
	for (i = 0; i < WITNESSES; i++) {
		if (pid[i] <= 0)
			continue;
		usleep(200000);
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
	}
	printf("%d findings in %ld ms, %d rounds: %lu processes, %lu steps, %lu looks, %lu deaths (seed %lu)\n", board->findings,
	       ms_since(&t), round, board->kids, board->steps, board->looks, board->deaths, seed0);
	return board->findings != 0;
}
