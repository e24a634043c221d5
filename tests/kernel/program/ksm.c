// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages of processes that are equal become one (/sys/kernel/mm/ksm), are what they were,
 * and are each its own again when they are written. Run as root: ksm MEGABYTES.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN 3

static struct {
	volatile int phase, done[CHILDREN], bad;
} *shared;
static size_t size;
static int number, failed;

static void check(int good, const char *what)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++number, what);
	failed |= !good;
}

static long get(const char *name)
{
	char path[64];
	long v = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/mm/ksm/%s", name);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%ld", &v) != 1)
			v = -1;
		fclose(f);
	}
	return v;
}

static int set(const char *name, long v)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/mm/ksm/%s", name);
	f = fopen(path, "w");
	return f && fprintf(f, "%ld", v) > 0 && !fclose(f);
}

/* Seconds, or -1 after two minutes. */
static double until_equal(long shared_pages, long sharing)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	do {
		usleep(10000);
		clock_gettime(CLOCK_MONOTONIC, &b);
		if (get("pages_shared") == shared_pages && get("pages_sharing") == sharing)
			return b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) * 1e-9;
	} while (b.tv_sec - a.tv_sec < 120);
	return -1;
}

static void child(int n)
{
	static const char first[] = "aab", second[] = "abb";
	unsigned char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	if (p == MAP_FAILED || madvise(p, size, MADV_MERGEABLE))
		_exit(1);
	memset(p, first[n], size);
	shared->done[n] = 1;
	while (shared->phase < 1)
		usleep(1000);
	for (i = 0; i < size; i += 509)
		shared->bad += p[i] != first[n];
	memset(p, second[n], size);
	shared->done[n] = 2;
	while (shared->phase < 2)
		usleep(1000);
	for (i = 0; i < size; i += 509)
		shared->bad += p[i] != second[n];
	/* One page is written, by each something else. */
	p[4096 * 7] = n;
	for (i = 0; i < size; i += 509)
		shared->bad += p[i] != second[n];
	shared->bad += p[4096 * 7] != n;
	_exit(0);
}

int main(int argc, char **argv)
{
	int i, pid[CHILDREN], status, good = 1;
	long pages, max = get("max_page_sharing");
	double a, b;

	size = (argc > 1 ? atol(argv[1]) : 8) << 20;
	pages = size / 4096;
	setvbuf(stdout, NULL, _IONBF, 0);
	if (max < 0) {
		printf("1..0 # SKIP a kernel without KSM\n");
		return 0;
	}
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* One page for all that are equal, and no waiting between scans; zeros are like others. */
	if (!set("run", 2) || (!set("max_page_sharing", 1 << 20)) || !set("pages_to_scan", 3 * pages) || !set("sleep_millisecs", 0)) {
		printf("1..0 # SKIP host: KSM cannot be set up\n");
		return 0;
	}
	set("use_zero_pages", 0);
	set("smart_scan", 0);
	for (i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		if (!pid[i])
			child(i);
	}
	for (i = 0; i < CHILDREN; i++)
		while (shared->done[i] != 1)
			usleep(1000);
	set("run", 1);
	a = until_equal(2, 3 * pages - 2);
	check(a >= 0, "equal pages of three processes are two pages");
	shared->phase = 1;
	for (i = 0; i < CHILDREN; i++)
		while (shared->done[i] != 2)
			usleep(1000);
	b = until_equal(2, 3 * pages - 2);
	check(b >= 0, "again, when they have been written");
	shared->phase = 2;
	for (i = 0; i < CHILDREN; i++)
		good &= waitpid(pid[i], &status, 0) == pid[i] && !status;
	check(good && !shared->bad, "all have what they wrote");
	set("run", 2);
	printf("# %.1f and %.1f s for %ld pages\n1..%d\n", a, b, 3 * pages, number);
	return failed;
}
