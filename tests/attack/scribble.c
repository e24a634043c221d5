// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest user code: Writes random words into its own slots while the kernel reads them: ROUNDS CPUS. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static __thread sigjmp_buf jb;
static __thread int in;
static void h(int x)
{
	if (in)
		siglongjmp(jb, 1);
	_exit(99);
}

static uint64_t s = 88172645463325252ull;
static uint64_t r(void)
{
	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return s;
}

static volatile int stop;
static unsigned ncpu = 1;
static void *w(void *a)
{
	unsigned long base = 0x7fe000200000ul;
	s ^= (unsigned long)a;
	while (!stop) {
		unsigned cpu = r() % ncpu;
		volatile uint64_t *q = (void *)(base + cpu * 0x10000);
		volatile uint64_t v;
		switch (r() % 6) {
		case 0:
			v = r();
			break;
		case 1:
			v = base + cpu * 0x10000 + r() % 8192;
			break;
		case 2:
			v = r() % 64;
			break;
		case 3:
			v = ~0ull << (r() % 64);
			break;
		case 4:
			v = 0x700000000000ul + r() % (1 << 30);
			break;
		default:
			v = (r() % 2) ? 1 : 0;
		}
		in = 1;
		if (sigsetjmp(jb, 0))
			continue;
		int off = r() % 3 ? r() % 16 : r() % 1024;
		q[off] = v;
		for (volatile int i = 0; i < (int)(r() % 2000); i++)
			;
	}
	return 0;
}

int main(int c, char **v)
{
	int rounds = atoi(v[1]);
	ncpu = atoi(v[2]);
	int hist[256] = {0};
	for (int k = 0; k < rounds; k++) {
		int p = fork();
		if (!p) {
			s += k * 7919 + time(0);
			pthread_t t;
			alarm(3);
			struct sigaction sa = {.sa_handler = h, .sa_flags = SA_NODEFER};
			sigaction(SIGSEGV, &sa, 0);
			/* The slot pages have to exist. */
			for (int i = 0; i < 5; i++)
				getppid();
			pthread_create(&t, 0, w, (void *)(long)k);
			for (int i = 0; i < 3000; i++) {
				getppid();
				if (i % 100 == 0)
					free(malloc(100000));
				if (i % 500 == 0)
					usleep(1);
			}
			_exit(0);
		}
		int st;
		waitpid(p, &st, 0);
		hist[st & 255]++;
	}
	for (int i = 0; i < 256; i++)
		if (hist[i])
			printf("status %x: %d\n", i, hist[i]);
}
