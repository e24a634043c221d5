// SPDX-License-Identifier: GPL-2.0-or-later
/* What never enters the kernel: memory bandwidth, two threads against one. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "micro.h"

#define COPY	(8 * 1024 * 1024UL)
#define WORK	(100 * 1000 * 1000UL)

static uint64_t memcpy_run(uint64_t n)
{
	char *p = mmap(NULL, 2 * COPY, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint64_t start;

	if (p == MAP_FAILED)
		return micro_fail("mmap");
	memset(p, 1, 2 * COPY);
	start = micro_now();
	while (n--) {
		memcpy(p, p + COPY, COPY);
		__asm__ volatile("" ::: "memory");
	}
	start = micro_now() - start;
	munmap(p, 2 * COPY);
	return start;
}

static void *compute(void *arg)
{
	uint64_t n = (uintptr_t)arg, x = 88172645463325252ULL;

	while (n--) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		__asm__ volatile("" : "+r" (x));
	}
	return (void *)(uintptr_t)x;
}

static uint64_t compute_run(uint64_t n)
{
	uint64_t start = micro_now();

	compute((void *)(uintptr_t)(n * 1000));
	return micro_now() - start;
}

/* The same work by one thread and by two: the time of one over that of two. */
static uint64_t speedup_run(uint64_t n)
{
	pthread_t a, b;
	uint64_t one, two;

	(void)n;
	one = micro_now();
	compute((void *)WORK);
	one = micro_now() - one;

	two = micro_now();
	errno = pthread_create(&a, NULL, compute, (void *)(WORK / 2));
	if (!errno)
		errno = pthread_create(&b, NULL, compute, (void *)(WORK / 2));
	if (errno)
		return micro_fail("pthread_create");
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	two = micro_now() - two;
	return one * 1000000ULL / two;
}

const struct bench cpu_benches[] = {
	{ "memcpy", "MB/s", memcpy_run, COPY, 0 },
	{ "compute_1000", "us", compute_run },
	{ "two_threads_speedup", "x", speedup_run },
	{ 0 },
};
