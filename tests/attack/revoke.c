// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A second thread goes on using a page while the first has it taken away. What
 * the first does next makes the kernel use the page for something else: the
 * second must neither see that nor change it. MILLISECONDS a way.
 */
#include "attack.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MARK 0x5ec7e70000000000UL	/* what the first thread writes elsewhere */
#define SPAN(n) ((2 * (n) - 1) * PAGE)
#define MANY 40
#define SPOIL 0xbadbadbad0000000UL	/* what the second writes */

static volatile unsigned long *volatile prey;
static volatile int stop;
static volatile unsigned int gone;	/* which one has been taken away, 0: none */
static volatile unsigned long writes, faults;

/* Writes and looks, through all faults. */
static void *user(void *unused)
{
	char own[32768];
	stack_t ss = { .ss_sp = own, .ss_size = sizeof(own) };

	sigaltstack(&ss, NULL);
	stay_on(cpus() - 1);
	while (!stop) {
		volatile unsigned long *p = prey;
		unsigned long v;
		unsigned int was;

		if (!p) {
			sched_yield();
			continue;
		}
		trying = 1;
		if (TRY()) {
			for (;;) {
				v = p[7];
				if ((v & 0xffffffff00000000) == MARK)
					through("a page was still read after it was given to a pipe");
				was = gone;
				p[7] = SPOIL | (writes++ & 0xfffffff);
				if (was && gone == was)
					through("a page was still written after it was taken away");
				if (stop)
					break;
			}
		} else {
			faults++;
			if (prey == p)
				prey = NULL;
		}
		trying = 0;
	}
	return NULL;
}

/* The last of n pages that are not neighbours, so that each is taken away for
 * itself. */
static volatile unsigned long *new_prey(int n)
{
	char *all;
	volatile unsigned long *p;
	unsigned long from;
	int spins;

	/* Before another page can be where the last one was. */
	gone = 0;
	from = writes;
	all = mmap(NULL, SPAN(n), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		cannot("mmap");
	p = (void *)(all + SPAN(n) - PAGE);
	while (n--)
		all[2 * n * PAGE] = 1;
	prey = p;
	for (spins = 0; writes - from < 20 && spins < 100000; spins++)
		if (spins % 64 == 63 && cpus() == 1)
			sched_yield();
		else
			__asm__ volatile("pause");
	return p;
}

/* From now on no access may succeed. */
static void taken(void)
{
	static unsigned int n;

	gone = ++n;
}

/* The page went back; what a pipe is filled with may be in it now. */
static void unmapped(int fd[2])
{
	static unsigned long out[512], in[512];
	volatile unsigned long *p = new_prey(1);
	int i, n;

	for (i = 0; i < 512; i++)
		out[i] = MARK | i;
	munmap((void *)p, PAGE);
	taken();
	for (n = 0; n < 4; n++)
		if (write(fd[1], out, PAGE) != PAGE)
			cannot("write to a pipe");
	for (n = 0; n < 4; n++) {
		if (read(fd[0], in, PAGE) != PAGE)
			cannot("read from a pipe");
		if (memcmp(in, out, PAGE))
			through("a page was still written after it was given to a pipe: %#lx", in[7]);
	}
	prey = NULL;
}

static void discarded(int fd[2])
{
	static unsigned long out[512], in[512];
	volatile unsigned long *p = new_prey(1);
	int i;

	for (i = 0; i < 512; i++)
		out[i] = MARK | i;
	madvise((void *)p, PAGE, MADV_DONTNEED);
	if (write(fd[1], out, PAGE) != PAGE || read(fd[0], in, PAGE) != PAGE)
		cannot("pipe");
	if (memcmp(in, out, PAGE))
		through("a page was still written after MADV_DONTNEED: %#lx", in[7]);
	munmap((void *)p, PAGE);
	prey = NULL;
}

static void protected(int fd[2])
{
	volatile unsigned long *p = new_prey(MANY);
	char *all = (char *)p + PAGE - SPAN(MANY);
	unsigned long v;
	int i;

	mprotect(all, SPAN(MANY), PROT_READ);
	taken();
	v = p[7];
	for (i = 0; i < 200; i++)
		if (p[7] != v) {
			through("a page was still written after mprotect");
			break;
		}
	munmap(all, SPAN(MANY));
	prey = NULL;
}

/* The child's copy is the child's: nothing the parent's thread writes is seen. */
static void copied(int fd[2])
{
	volatile unsigned long *p = new_prey(1);
	int pid, status;

	pid = fork();
	if (!pid) {
		unsigned long v = p[7];
		int i;

		for (i = 0; i < 2000; i++)
			if (p[7] != v)
				_exit(1);
		_exit(0);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status)
		through("a page that fork copied was still written by the parent (%#x)", status);
	munmap((void *)p, PAGE);
	prey = NULL;
}

int main(int argc, char **argv)
{
	static void (*const ways[])(int fd[2]) = { unmapped, discarded, protected, copied };
	long ms = argc > 1 ? atol(argv[1]) : 300, rounds = 0;
	pthread_t thread;
	unsigned int i;
	int fd[2];

	attack_init();
	if (pipe(fd) || pthread_create(&thread, NULL, user, NULL))
		cannot("no pipe or no thread");
	stay_on(0);
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct timespec t, now;

		clock_gettime(CLOCK_MONOTONIC, &t);
		do {
			ways[i](fd);
			rounds++;
			clock_gettime(CLOCK_MONOTONIC, &now);
		} while ((now.tv_sec - t.tv_sec) * 1000 + (now.tv_nsec - t.tv_nsec) / 1000000 < ms && !shared->through);
	}
	stop = 1;
	pthread_join(thread, NULL);
	printf("%ld pages taken away, %lu writes, %lu faults\n", rounds, writes, faults);
	if (!writes)
		cannot("the second thread never had the page");
	return attack_end();
}
