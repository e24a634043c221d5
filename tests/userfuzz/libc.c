// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A witness as most programs are: dynamic, with the C library and the loader of the guest,
 * where it is compiled. Does what such programs do, and knows what comes out.
 *
 *   userfuzz-libc WITNESS SEED	with the board at BOARD_FD
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "board.h"

#define BLOCKS 64
#define THREADS 3

static struct board *board;
static const char *seed;
static struct {
	unsigned char *p;
	size_t size;
} block[BLOCKS];
static __thread long own;
static double sine[64];

static void finding(const char *fmt, ...)
{
	va_list ap;

	if (__atomic_fetch_add(&board->findings, 1, __ATOMIC_SEQ_CST) >= 8)
		return;
	printf("FINDING seed %s round %d uid %u libc: ", seed, board->round, getuid());
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
}

static void look_at_block(int i)
{
	size_t at;

	for (at = 0; at < block[i].size; at += 97) {
		if (block[i].p[at] == (unsigned char)(i + at))
			continue;
		finding("allocated memory has %#x at %zu of %zu", block[i].p[at], at, block[i].size);
		return;
	}
}

static void allocate(void)
{
	int i = rand() % BLOCKS;
	size_t size = rand() % 8 ? rand() % 4000 : rand() % 400000, at;

	look_at_block(i);
	if (rand() % 3 == 0) {
		free(block[i].p);
		block[i].p = NULL;
		block[i].size = 0;
		return;
	}
	block[i].p = realloc(block[i].p, size + 1);
	if (block[i].size > size)
		block[i].size = size;
	look_at_block(i);
	block[i].size = size;
	for (at = 0; at < size; at++)
		block[i].p[at] = i + at;
}

static void *thread(void *arg)
{
	char text[64];
	long n = (long)arg, i;
	double x = n;

	own = n;
	for (i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "%ld %.3f", n * i, x);
		if (strtol(text, NULL, 10) != n * i)
			finding("snprintf and strtol say %s, not %ld", text, n * i);
		errno = 0;
		if (i % 50 == 0 && (fopen("/nowhere", "r") || errno != ENOENT))
			finding("a file that is not there: error %d", errno);
		x += 0.5;
		if (own != n)
			finding("a thread's own variable is %ld, not %ld", own, n);
	}
	return (void *)(long)(x * 2);
}

static void threads(void)
{
	long n = rand() % 1000, i;
	pthread_t t[THREADS];
	int made = 0;
	void *ret;

	own = -1;
	for (i = 0; i < THREADS; i++)
		made += !pthread_create(&t[i], NULL, thread, (void *)(n + i));
	for (i = 0; i < made; i++) {
		pthread_join(t[i], &ret);
		if ((long)ret != 2 * (n + i) + 200)
			finding("a thread returns %ld, not %ld", (long)ret, 2 * (n + i) + 200);
	}
	if (own != -1)
		finding("the main thread's own variable is %ld", own);
}

static void file(void)
{
	int lines = 1 + rand() % 500, i, n;
	FILE *f = tmpfile();

	if (!f)
		return;
	for (i = 0; i < lines; i++)
		fprintf(f, "line %d of %d\n", i * 7, lines);
	rewind(f);
	for (i = 0; i < lines && fscanf(f, "line %d of %*d\n", &n) == 1 && n == i * 7; i++)
		;
	if (i != lines)
		finding("line %d of a file of %d is %d", i, lines, n);
	fclose(f);
}

static int by_value(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return x < y ? -1 : x > y;
}

static void sorted(void)
{
	static int v[3000];
	int i, n = 1 + rand() % 3000;
	long before = 0, after = 0;

	for (i = 0; i < n; i++)
		before += v[i] = rand() % 10000;
	qsort(v, n, sizeof(v[0]), by_value);
	for (i = 0; i < n; i++) {
		after += v[i];
		if (i && v[i - 1] > v[i])
			finding("%d is sorted before %d", v[i - 1], v[i]);
	}
	if (before != after)
		finding("what was sorted changed: %ld, not %ld", after, before);
}

/* Another dynamic program, by vfork and exec. */
static void command(void)
{
	int want = rand() % 100000, got = -1, status;
	char text[64];
	FILE *f;

	snprintf(text, sizeof(text), "expr %d + 1 - 1; exit 5", want);
	f = popen(text, "re");
	if (!f)
		return;
	if (fscanf(f, "%d", &got) != 1 || got != want)
		finding("a command says %d, not %d", got, want);
	status = pclose(f);
	if (status != 5 << 8)
		finding("a command ended with %#x", status);
}

static void user(void)
{
	struct passwd *p = getpwuid(0);

	if (!p || strcmp(p->pw_name, "root"))
		finding("user 0 is %s", p ? p->pw_name : "nobody");
}

static void compute(void)
{
	static struct timespec last;
	struct timespec now;
	int i;

	for (i = 0; i < 64; i++)
		if (sin(i / 10.0) + cos(i / 7.0) != sine[i])
			finding("a sine is %g, not %g", sin(i / 10.0) + cos(i / 7.0), sine[i]);
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec < last.tv_sec || (now.tv_sec == last.tv_sec && now.tv_nsec < last.tv_nsec))
		finding("time goes back");
	last = now;
}

int main(int argc, char **argv)
{
	static void (*const steps[])(void) = { allocate, allocate, allocate, threads, file, sorted, command, user, compute };
	int index, i;

	if (argc != 3)
		return 2;
	index = atoi(argv[1]);
	seed = argv[2];
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, BOARD_FD, 0);
	if (board == MAP_FAILED || index < 0 || index >= ALL_WITNESSES)
		return 2;
	srand(atol(seed) + index);
	for (i = 0; i < 64; i++)
		sine[i] = sin(i / 10.0) + cos(i / 7.0);
	while (!board->stop) {
		board->alive[index]++;
		if (board->focus)
			usleep(20000);
		else
			steps[rand() % (sizeof(steps) / sizeof(steps[0]))]();
	}
	return 0;
}
