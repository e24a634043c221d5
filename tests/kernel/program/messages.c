// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Groups in which each of 20 senders sends messages to each of 20 receivers, through
 * socket pairs: the scheduler, wake-ups, and that nothing is lost.
 * Run as: messages GROUPS LOOPS process|thread.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EACH 20
#define SIZE 100

struct worker {
	int receiver, index;
	int (*pair)[2];			/* of the group's receivers */
};

static int loops, threads;
static volatile long *received;
static int go[2];

static void begin(void)
{
	struct pollfd p = { .fd = go[0], .events = POLLIN };

	poll(&p, 1, -1);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	char m[SIZE];
	long n = 0;
	int i, j, got;

	begin();
	memset(m, w->index, sizeof(m));
	if (!w->receiver) {
		for (i = 0; i < loops; i++)
			for (j = 0; j < EACH; j++)
				if (write(w->pair[j][1], m, SIZE) != SIZE)
					exit(1);
		return NULL;
	}
	while (n < (long)loops * EACH * SIZE) {
		got = read(w->pair[w->index][0], m, SIZE);
		if (got <= 0)
			exit(1);
		n += got;
	}
	__atomic_fetch_add(received, n, __ATOMIC_SEQ_CST);
	return NULL;
}

int main(int argc, char **argv)
{
	int groups = argc > 1 ? atoi(argv[1]) : 2, all, i, g, status, good = 1;
	struct timespec a, b;
	pthread_t *thread;
	pthread_attr_t attr;
	long want;

	setvbuf(stdout, NULL, _IONBF, 0);
	loops = argc > 2 ? atoi(argv[2]) : 100;
	threads = argc > 3 && !strcmp(argv[3], "thread");
	all = groups * 2 * EACH;
	thread = calloc(all, sizeof(*thread));
	received = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	if (pipe(go))
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (g = 0; g < groups; g++) {
		int (*pair)[2] = calloc(EACH, sizeof(*pair));

		for (i = 0; i < EACH; i++)
			good &= !socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]);
		for (i = 0; i < 2 * EACH && good; i++) {
			struct worker *w = calloc(1, sizeof(*w));

			*w = (struct worker){ .receiver = i < EACH, .index = i % EACH, .pair = pair };
			if (threads) {
				good &= !pthread_create(&thread[g * 2 * EACH + i], &attr, work, w);
				continue;
			}
			status = fork();
			good &= status >= 0;
			if (!status) {
				work(w);
				_exit(0);
			}
		}
	}
	good &= write(go[1], "x", 1) == 1;
	for (i = 0; i < all; i++) {
		if (threads)
			pthread_join(thread[i], NULL);
		else
			good &= wait(&status) > 0 && !status;
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	want = (long)groups * EACH * EACH * loops * SIZE;
	printf("# %d %s, %ld messages in %.2f s\n", all, threads ? "threads" : "processes", want / SIZE,
	       b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) * 1e-9);
	printf("%s 1 - all messages arrive\n1..1\n", good && *received == want ? "ok" : "not ok");
	return !good;
}
