// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Work for hotplug.t, in a guest: threads of one process and processes that
 * fork, on all CPUs, while others are switched off and on. It checks itself:
 * what a thread keeps in its registers, vector registers and memory, that every
 * timer expires about when it should, and that no wake-up is lost.
 *
 *	hotplug SECONDS		prints "done N rounds" or what was wrong; SIGUSR1 ends it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LATE_MS		20000	/* the host is busy, a lost timer is for ever */

static atomic_ulong rounds;
static atomic_int stop, wrong;

static void fail(const char *what)
{
	printf("WRONG %s\n", what);
	wrong = 1;
	stop = 1;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Vector state is computed with and must be what it was. */
static void *compute(void *arg)
{
	double want = 0, got;
	int i, first = 1;

	while (!stop) {
		got = 0;
		for (i = 1; i < 100000; i++)
			got += 1.0 / i / (i + (long)arg);
		if (!first && got != want)
			fail("a sum");
		want = got;
		first = 0;
		rounds++;
	}
	return NULL;
}

/* Mappings come and go: every one is a shootdown on the other CPUs. */
static void *map(void *arg)
{
	long page = sysconf(_SC_PAGESIZE), n = 0;

	while (!stop) {
		char *p = mmap(NULL, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		int i;

		if (p == MAP_FAILED) {
			fail("mmap");
			break;
		}
		for (i = 0; i < 16; i++)
			p[i * page] = n + i;
		mprotect(p, 16 * page, PROT_READ);
		for (i = 0; i < 16; i++)
			if (p[i * page] != (char)(n + i))
				fail("a page");
		munmap(p, 16 * page);
		n++;
		rounds++;
	}
	return NULL;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static int whose;

static void *ping(void *arg)
{
	int me = (long)arg;

	pthread_mutex_lock(&lock);
	while (!stop) {
		struct timespec end;

		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_sec += LATE_MS / 1000;
		while (whose != me && !stop)
			if (pthread_cond_timedwait(&turn, &lock, &end) == ETIMEDOUT) {
				fail("a wake-up");
				break;
			}
		whose = !me;
		pthread_cond_broadcast(&turn);
		rounds++;
	}
	pthread_cond_broadcast(&turn);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *sleeper(void *arg)
{
	while (!stop) {
		struct timespec ts = { 0, 3000000 };
		double before = now();

		nanosleep(&ts, NULL);
		before = now() - before;
		if (before > LATE_MS / 1000.0) {
			printf("%.3f s instead of 0.003\n", before);
			fail("a timer");
		}
		rounds++;
	}
	return NULL;
}

/* One thread goes from CPU to CPU by itself; the CPU may be gone by then. */
static void *wander(void *arg)
{
	long nr = sysconf(_SC_NPROCESSORS_CONF), i = 0;

	while (!stop) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(i++ % nr, &set);
		if (sched_setaffinity(0, sizeof(set), &set) && errno != EINVAL)
			fail("sched_setaffinity");
		rounds++;
		sched_yield();
	}
	return NULL;
}

static void *forker(void *arg)
{
	while (!stop) {
		pid_t pid = fork();
		int status;

		if (!pid)
			_exit(7);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
			fail("a child");
		rounds++;
	}
	return NULL;
}

static void end_work(int sig)
{
	stop = 1;
}

int main(int argc, char **argv)
{
	static void *(*const work[])(void *) = { compute, compute, map, ping, ping, sleeper, wander, forker };
	pthread_t thread[sizeof(work) / sizeof(work[0])];
	double end = now() + (argc > 1 ? atof(argv[1]) : 10);
	unsigned long i;

	signal(SIGUSR1, end_work);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < sizeof(work) / sizeof(work[0]); i++)
		if (pthread_create(&thread[i], NULL, work[i], (void *)(work[i] == ping ? i - 3 : i)))
			return perror("pthread_create"), 1;
	printf("at work\n");
	while (!stop && now() < end)
		usleep(20000);
	stop = 1;
	for (i = 0; i < sizeof(work) / sizeof(work[0]); i++)
		pthread_join(thread[i], NULL);
	if (!wrong)
		printf("done %lu rounds\n", (unsigned long)rounds);
	return wrong;
}
