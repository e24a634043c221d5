// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest user code: Gives memory back while other threads write it: SECONDS. */
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N 256
static volatile unsigned long *p;
static volatile int stop;
static void *w(void *a)
{
	unsigned long x = 0;
	while (!stop) {
		for (int i = 0; i < N; i++)
			p[i * 512 + (long)a] = ++x;
	}
	return 0;
}

int main(int c, char **v)
{
	int secs = atoi(v[1]);
	p = mmap(0, N * 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t[3];
	for (long i = 0; i < 3; i++)
		pthread_create(t + i, 0, w, (void *)i);
	time_t e = time(0) + secs;
	long n = 0, f = 0, m = 0;
	syscall(__NR_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	while (time(0) < e) {
		madvise((void *)p, N * 4096, MADV_DONTNEED);
		n++;
		if (n % 16 == 0) {
			int k = fork();
			if (!k) {
				char *q = malloc(1 << 20);
				memset(q, n, 1 << 20);
				_exit(0);
			}
			if (k > 0) {
				int st;
				waitpid(k, &st, 0);
				if (st)
					printf("child %x\n", st);
				f++;
			}
		}
		if (n % 4 == 0) {
			syscall(__NR_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
			m++;
		}
		mprotect((void *)p, N * 4096 / 2, PROT_READ | PROT_WRITE | PROT_EXEC);
		mprotect((void *)p, N * 4096 / 2, 3);
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], 0);
	printf("madvise %ld forks %ld membarrier %ld\n", n, f, m);
}
