// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * No wake-up is lost: threads wait on a futex, are moved to another and woken
 * there, while others start and stop being idle. Run as: requeue SECONDS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS 12

static unsigned int first, second;
static volatile unsigned int asleep, awake;
static volatile int stop, lost;

static long futex(void *addr, int op, unsigned int val, void *timeout, void *other, unsigned int val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, other, val3);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void *sleeper(void *arg)
{
	struct timespec patience = { 20, 0 };
	unsigned int *word = &first;

	while (!stop) {
		__atomic_fetch_add(&asleep, 1, __ATOMIC_SEQ_CST);
		/* Wakes on either: who moved it does not say. */
		if (futex(word, FUTEX_WAIT_PRIVATE, 0, &patience, NULL, 0) < 0 && errno == ETIMEDOUT)
			lost = 1;
		__atomic_fetch_add(&awake, 1, __ATOMIC_SEQ_CST);
		/* Not before all of a round are. */
		while (awake % THREADS && !stop && !lost)
			usleep(50);
	}
	return arg;
}

int main(int argc, char **argv)
{
	double end = now() + (argc > 1 ? atof(argv[1]) : 10);
	pthread_t thread[THREADS];
	long rounds = 0, moved = 0;
	int i;

	for (i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, sleeper, NULL);
	while (now() < end && !lost) {
		unsigned int goal = (rounds + 1) * THREADS;
		long woken = 0, n;

		while (asleep != goal && !lost)
			usleep(20);
		/* Those that are not in the kernel yet are missed, and tried again. */
		while (woken < THREADS && !lost) {
			n = futex(&first, FUTEX_CMP_REQUEUE_PRIVATE, rounds % 3, (void *)(long)INT_MAX, &second, 0);
			if (n > 0)
				moved += n;
			n = n > rounds % 3 ? rounds % 3 : n > 0 ? n : 0;
			woken += n;
			n = futex(&second, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
			woken += n > 0 ? n : 0;
			if (rounds % 5 == 0)
				usleep(rounds % 300);
		}
		while (awake != goal && !lost)
			usleep(20);
		rounds++;
	}
	stop = 1;
	while (!lost && asleep != awake)
		futex(&first, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
	printf("# %ld rounds, %ld moved\n", rounds, moved);
	printf("%s 1 - each of %d threads was woken each time\n1..1\n", lost || !rounds ? "not ok" : "ok", THREADS);
	fflush(stdout);
	_exit(lost);
}
