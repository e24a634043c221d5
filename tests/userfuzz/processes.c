// SPDX-License-Identifier: GPL-2.0-or-later
/* The processes of a round, and the witnesses of all. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "userfuzz.h"

int hostile, kid_index;

static void begin(unsigned long seed, unsigned int uid)
{
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!getuid() && uid && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		_exit(99);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	rng = seed * 0x9e3779b97f4a7c15UL + 1;
	for (i = 0; i < 8; i++)
		rnd(2);
	me = getpid();
	memset(regions, 0, sizeof(regions));
	new_region(&regions[0]);
	code[0] = map_code(0, MAP_PRIVATE);
	code[1] = NULL;
	if (!code[0])
		_exit(0);
}

void kid(unsigned long seed, unsigned int uid)
{
	static void (*const focus[])(int index) = { NULL, focus_copies, focus_middle, focus_signals, focus_pages };
	struct timespec t, now;

	begin(seed, uid);
	if (board->focus) {
		focus[board->focus](kid_index);
		_exit(0);
	}
	hostile = rnd(4) == 0 && !(without & 1);
	if (hostile)
		catch_signals();
	else if (rnd(4) == 0)
		cold_stack();
	clock_gettime(CLOCK_MONOTONIC, &t);
	do {
		if (hostile && rnd(3) == 0)
			hostile_step();
		else
			step();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - t.tv_sec < 1 && !board->stop);
	_exit(0);
}

static void *witness_thread(void *unused)
{
	while (!board->stop) {
		const unsigned char *c = code[0];
		int i, n = board->looks % PAGES;

		for (i = 0; i < 3000 && !board->stop && !board->focus; i++)
			look_at_code(c, n, "code of a witness's thread");
		usleep(5000);
	}
	return NULL;
}

/* Does all that a program may, and nothing else. Maps the files of each round. */
static void witness(int index, unsigned long seed, unsigned int uid)
{
	pthread_t thread;
	int round = -1;

	begin(seed, uid);
	cold_stack();
	while (!board->stop) {
		if (round != board->round) {
			const unsigned char *c = map_code(0, MAP_PRIVATE);

			if (c) {		/* the old ones stay: the thread is in them */
				code[0] = c;
				if (round < 0 && pthread_create(&thread, NULL, witness_thread, NULL))
					_exit(98);
				round = board->round;
			}
		}
		board->alive[index]++;
		if (board->focus)
			usleep(20000);
		else
			step();
	}
	_exit(0);
}

int start(void (*fn)(unsigned long, unsigned int), unsigned long seed, unsigned int uid)
{
	int pid = fork();

	if (!pid) {
		fn(seed, uid);
		_exit(0);
	}
	if (pid < 0)
		cannot("fork");
	return pid;
}

int start_witness(int index, unsigned long seed, unsigned int uid)
{
	int pid = fork();

	if (!pid) {
		kid_index = KIDS + index;
		witness(index, seed, uid);
	}
	return pid;
}

/* One with the guest's own C library, if there is such a program. */
int start_libc(int index, const char *program, unsigned int uid)
{
	char number[16], seed[24];
	int pid;

	if (access(program, X_OK))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (uid && (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
			_exit(99);
		snprintf(number, sizeof(number), "%d", index);
		snprintf(seed, sizeof(seed), "%lu", seed0);
		execl(program, program, number, seed, NULL);
		_exit(97);
	}
	return pid;
}
