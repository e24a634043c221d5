// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages that leave address spaces in many ways, while other threads have them in
 * use: for a kernel that watches each. SECONDS. Prints what it did and "well".
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE	4096
#define PAGES	16

static atomic_ulong shared_page;	/* what the toucher reads and writes */
static atomic_int over;
static atomic_ulong rounds[6];

static __thread sigjmp_buf gone;
static __thread volatile int touching;

static void on_fault(int sig)
{
	if (!touching)
		_exit(3);
	siglongjmp(gone, 1);
}

/* Reads and writes whatever is there just now. */
static void *toucher(void *unused)
{
	while (!over) {
		unsigned long at = shared_page;
		unsigned int i;

		if (sigsetjmp(gone, 1)) {
			touching = 0;
			continue;
		}
		touching = 1;
		for (i = 0; at && i < PAGES; i++)
			++*(volatile char *)(at + i * PAGE);
		touching = 0;
		rounds[0]++;
	}
	return NULL;
}

/* At an address that nobody else gets, as others write there at any time. */
static void *mapper(void *unused)
{
	char *place = mmap(NULL, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	while (!over) {
		char *p = mmap(place, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		memset(p, 1, PAGES * PAGE);
		shared_page = (unsigned long)p;
		switch (rounds[1]++ % 3) {
		case 0:
			madvise(p, PAGES * PAGE, MADV_DONTNEED);
			break;
		case 1:
			mprotect(p + PAGE, PAGE, PROT_READ);
			break;
		}
		mmap(place, PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
	return NULL;
}

static void *filer(void *unused)
{
	int fd = memfd_create("pages", 0);

	while (!over) {
		char *p, *q;

		if (ftruncate(fd, PAGES * PAGE))
			exit(2);
		p = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		q = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		memset(p, 2, PAGES * PAGE);
		memset(q, 3, PAGES / 2 * PAGE);
		if (ftruncate(fd, 0))
			exit(2);
		munmap(p, PAGES * PAGE);
		munmap(q, PAGES * PAGE);
		rounds[2]++;
	}
	return NULL;
}

/* Of many threads, with copies made on both sides; some go on as another program. */
static void *forker(void *self)
{
	char *mine = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	while (!over) {
		int pid = fork(), status;

		memset(mine, 4, PAGES * PAGE);
		if (!pid) {
			memset(mine, 5, PAGES * PAGE);
			if (rounds[3] % 4 == 0)
				execl(self, self, "leave", NULL);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			exit(4);
		rounds[3]++;
	}
	return NULL;
}

/* Code that is written, run, and written again. */
static void *coder(void *unused)
{
	static const unsigned char call[] = { 0xb8, 0x27, 0, 0, 0, 0x0f, 0x05, 0xc3 };	/* getpid */

	while (!over) {
		unsigned char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		int i;

		memcpy(p, call, sizeof(call));
		mprotect(p, PAGE, PROT_READ | PROT_EXEC);
		for (i = 0; i < 40; i++)
			if (((int (*)(void))p)() != getpid())
				exit(5);
		munmap(p, PAGE);
		rounds[4]++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	void *(*const work[])(void *) = { toucher, mapper, filer, forker, coder, mapper, toucher };
	struct sigaction act = { .sa_handler = on_fault };
	pthread_t thread[7];
	unsigned int i;

	if (argc == 2 && !strcmp(argv[1], "leave"))
		return 0;
	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
	for (i = 0; i < 7; i++)
		pthread_create(&thread[i], NULL, work[i], argv[0]);
	sleep(atoi(argv[1]));
	over = 1;
	for (i = 0; i < 7; i++)
		pthread_join(thread[i], NULL);
	printf("touched %lu mapped %lu files %lu forks %lu code %lu\nwell\n", rounds[0], rounds[1], rounds[2], rounds[3], rounds[4]);
	return 0;
}
