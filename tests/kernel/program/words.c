// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel stores a value of user memory at once and once: a thread that sees
 * it there may store its own, which stays. Run as: words SECONDS.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <glob.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static union {
	volatile uint64_t word[2];
	volatile uint32_t half[4];
	volatile uint16_t quarter[8];
} place __attribute__((aligned(64)));

static volatile unsigned int width, at;
static volatile long round_at, done_at;
static volatile uint64_t saw;
static volatile int stop;
static int disk = -1;

static uint64_t look(void)
{
	switch (width) {
	case 2: return place.quarter[at];
	case 4: return place.half[at];
	}
	return place.word[at];
}

static void put(uint64_t val)
{
	switch (width) {
	case 2: place.quarter[at] = val; return;
	case 4: place.half[at] = val; return;
	}
	place.word[at] = val;
}

static uint64_t sentinel(void)
{
	return width == 8 ? ~0ULL : (1ULL << width * 8) - 1;
}

#define MINE 0x5a5aULL

/* As soon as the kernel's value is seen, another takes its place. */
static void *overwrite(void *unused)
{
	long round = 0;
	uint64_t val;

	while (!stop) {
		if (round_at == round)
			continue;
		round = round_at;
		while ((val = look()) == sentinel() && !stop)
			;
		put(MINE);
		saw = val;
		done_at = round;
	}
	return unused;
}

/* A value that the call stores in each of its rounds, or none if 0. */
static void call_getcpu(void)
{
	syscall(SYS_getcpu, &place, NULL, NULL);
}

static void call_time(void)
{
	syscall(SYS_time, &place);
}

static void call_clock(void)
{
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &place);
}

static void call_disk(void)
{
	ioctl(disk, BLKSECTGET, &place);
}

static int number, failed;

static void race(const char *what, unsigned int bytes, unsigned int index, void (*call)(void), double seconds)
{
	struct timespec start, now;
	long rounds = 0, lost = 0, torn = 0;
	uint64_t whole = 0;

	width = bytes;
	at = index;
	call();
	whole = look();
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		put(sentinel());
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		round_at++;
		call();
		while (done_at != round_at)
			;
		lost += look() != MINE;
		torn += bytes == 2 && saw != whole;
		clock_gettime(CLOCK_MONOTONIC, &now);
		rounds++;
	} while (now.tv_sec - start.tv_sec + (now.tv_nsec - start.tv_nsec) * 1e-9 < seconds);
	printf("%s %d - %s (of %ld, %ld stored twice, %ld seen in parts)\n", lost || torn ? "not ok" : "ok",
	       ++number, what, rounds, lost, torn);
	failed |= lost || torn;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 3;
	pthread_t thread;
	glob_t g;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!glob("/sys/block/vd*", 0, NULL, &g) && g.gl_pathc) {
		char name[64];

		snprintf(name, sizeof(name), "/dev/%s", strrchr(g.gl_pathv[0], '/') + 1);
		disk = open(name, O_RDONLY | O_CLOEXEC);
	}
	pthread_create(&thread, NULL, overwrite, NULL);
	race("4 bytes, put_user()", 4, 0, call_getcpu, seconds);
	race("8 bytes, put_user()", 8, 0, call_time, seconds);
	race("16 bytes, the first word", 8, 0, call_clock, seconds);
	race("16 bytes, the second word", 8, 1, call_clock, seconds);
	if (disk >= 0)
		race("2 bytes, put_user()", 2, 0, call_disk, seconds);
	stop = 1;
	round_at++;
	pthread_join(thread, NULL);
	printf("1..%d\n", number);
	return failed;
}
