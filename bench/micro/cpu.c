// SPDX-License-Identifier: GPL-2.0-or-later
/* What never enters the kernel: memory bandwidth, arithmetic, threads. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "micro.h"

#define COPY	(8 * 1024 * 1024UL)
/* Steps of one thread, or of all together. */
#define WORK	(100 * 1000 * 1000UL)

static uint64_t memcpy_run(uint64_t n)
{
	unsigned char *p = mmap(NULL, 2 * COPY, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint64_t start;
	unsigned long i;

	if (p == MAP_FAILED)
		return micro_fail("mmap");
	for (i = 0; i < COPY; i++)
		p[COPY + i] = i % 251;
	memset(p, 1, COPY);
	start = micro_now();
	while (n--) {
		memcpy(p, p + COPY, COPY);
		__asm__ volatile("" ::: "memory");
	}
	start = micro_now() - start;
	if (memcmp(p, p + COPY, COPY))
		start = micro_wrong("the copy differs");
	munmap(p, 2 * COPY);
	return start;
}

/* A xorshift generator; 1000 steps from the seed give SEED_1000. */
#define SEED		88172645463325252ULL
#define SEED_1000	1363160026601443621ULL

static uint64_t steps(uint64_t x, uint64_t n)
{
	while (n--) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		__asm__ volatile("" : "+r" (x));
	}
	return x;
}

static uint64_t compute_run(uint64_t n)
{
	uint64_t x = 0, start = micro_now();

	while (n--)
		x |= steps(SEED, 1000) ^ SEED_1000;
	return x ? micro_wrong("arithmetic") : micro_now() - start;
}

/* The logistic map, chaotic: one wrong bit shows after a thousand steps. */
static double logistic(double x, unsigned int n)
{
	while (n--) {
		x = 3.99 * x * (1.0 - x);
		__asm__ volatile("" : "+x" (x));
	}
	return x;
}

static uint64_t compute_fp_run(uint64_t n)
{
	double first = logistic(0.3, 1000);
	uint64_t start = micro_now();
	int wrong = first != 0x1.3648c8f59894ep-3;

	while (n--)
		wrong |= logistic(0.3, 1000) != first;
	return wrong ? micro_wrong("arithmetic") : micro_now() - start;
}

struct share {
	uint64_t n, result;
};

static void *share_run(void *arg)
{
	struct share *share = arg;

	share->result = steps(SEED, share->n);
	return arg;
}

/* WORK by that many threads: nanoseconds, or 0. */
static uint64_t shared_work(unsigned int threads)
{
	struct share share[4];
	pthread_t thread[4];
	uint64_t start = micro_now();
	unsigned int i;
	int err = 0;

	for (i = 0; i < threads; i++) {
		share[i].n = WORK / threads;
		err = pthread_create(&thread[i], NULL, share_run, &share[i]);
		if (err)
			break;
	}
	threads = i;
	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	start = micro_now() - start;
	errno = err;
	if (err)
		return micro_fail("pthread_create");
	for (i = 1; i < threads; i++)
		if (share[i].result != share[0].result)
			return micro_wrong("two threads, two results");
	return start;
}

/* The same work by one thread and by two: the time of one over that of two. */
static uint64_t speedup_run(uint64_t n)
{
	uint64_t one = shared_work(1), two;

	(void)n;
	if (!one)
		return 0;
	two = shared_work(2);
	return two ? one * 1000000ULL / two : 0;
}

/* As a program with more threads than CPUs: 16 portions of WORK. */
static uint64_t four_threads_run(uint64_t n)
{
	uint64_t start = micro_now();

	for (n *= 16; n; n--)
		if (!shared_work(4))
			return 0;
	return micro_now() - start;
}

const struct bench cpu_benches[] = {
	{ "memcpy", "MB/s", memcpy_run, COPY, 0 },
	{ "compute_1000", "us", compute_run },
	{ "compute_fp_1000", "us", compute_fp_run },
	{ "two_threads_speedup", "x", speedup_run },
	{ 0 },
};

/* For the workloads, which are run by name only. */
const struct bench long_benches[] = {
	{ "four_threads", "us", four_threads_run, 0, 1 },
	{ 0 },
};
