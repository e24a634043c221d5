// SPDX-License-Identifier: GPL-2.0-or-later
/* Rounds in which few processes do one thing with the vCPUs for themselves. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "userfuzz.h"

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
void focus_copies(int index)
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
void focus_middle(int index)
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

void focus_signals(int index)
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

void focus_pages(int index)
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
