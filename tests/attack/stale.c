// SPDX-License-Identifier: GPL-2.0-or-later
/* Guest user code: Looks for pages that stay accessible after they were taken away: PAGES. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf jb;
static void h(int s)
{
	siglongjmp(jb, 1);
}

int main(int c, char **v)
{
	long n = atol(v[1]);
	volatile unsigned char *p = mmap(0, n * 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	for (long i = 0; i < n; i++)
		p[i * 4096] = 0xaa;
	long bad = 0;
	for (long i = 1; i < n; i += 2) {
		if (madvise((void *)(p + i * 4096), 4096, MADV_DONTNEED))
			perror("madv");
		if (i % 4 == 1 && p[i * 4096])
			bad++;
	}
	for (long i = 1; i < n; i += 2)
		if (p[i * 4096])
			bad++;
	for (long i = 0; i < n; i += 2)
		if (p[i * 4096] != 0xaa)
			bad++;
	printf("madv: %ld wrong\n", bad);
	fflush(stdout);
	for (long i = 0; i < n; i += 2)
		p[i * 4096] = i;
	if (!fork()) {
		for (long i = 0; i < n; i += 2)
			p[i * 4096] = 1;
		_exit(0);
	}
	int st;
	wait(&st);
	for (long i = 0; i < n; i += 2)
		if (p[i * 4096] != (unsigned char)i)
			bad++;
	printf("fork: %ld wrong, child %x\n", bad, st);
	fflush(stdout);
	struct sigaction sa = {.sa_handler = h, .sa_flags = SA_NODEFER};
	sigaction(SIGSEGV, &sa, 0);
	long lim = 60000, miss = 0;
	for (long i = 0; i < n && i < lim; i += 2) {
		if (mprotect((void *)(p + i * 4096), 4096, PROT_READ)) {
			printf("mprotect %ld: limit\n", i);
			break;
		}
		if (!sigsetjmp(jb, 1)) {
			p[i * 4096] = 9;
			miss++;
		}
	}
	printf("mprotect: %ld writes passed\n", miss);
	return bad || miss;
}
