// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random user code of several uids, judged by what every process knows to be true: what
 * its memory, code and registers hold, and that it lives. Run as guest root:
 *
 *   userfuzz SECONDS SEED [FIRST-ROUND [WITHOUT]]	prints findings; 1 if there are any
 *
 * WITHOUT leaves steps out, so that on a kernel with one mistake others can be looked
 * for: a sum of 1 hostile ones, 2 shared mappings of code, 4 calls at their second
 * instruction, 8 signals on cold stacks, 16 threads in a page of code while another
 * sleeps there, 32 tracers, 64 writes of files that others have mapped, 128 signal masks.
 *
 * If there is a program PROGRAM-libc (libc.c), some of the witnesses are that, with the
 * guest's C library.
 *
 * A round has new files, so that there always are calls that were not made before. In
 * each, processes with seeds of their own do what their numbers say: most as programs
 * may, some with hostile steps. From those nobody expects to survive; that they see
 * nothing of others is expected of all.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "userfuzz.h"

#define ROUND_MS 1500
#define QUIET 8			/* rounds in which it makes no step: on a busy host there are some */
/* How long SIGKILL may take: both, so that a guest that did not run for a minute has its time all the same. */
#define END_MS 40000
#define END_LOOKS 4000

static const unsigned int uids[] = { 0, 1000, 1001 };

struct board *board;
unsigned long rng, seed0, without;

unsigned long rnd(unsigned long n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % n;
}

void finding(const char *fmt, ...)
{
	char text[300];
	va_list ap;
	int n;

	n = snprintf(text, sizeof(text), "FINDING seed %lu round %d uid %u%s: ", seed0, board->round, getuid(),
		     hostile ? " hostile" : "");
	va_start(ap, fmt);
	n += vsnprintf(text + n, sizeof(text) - n - 2, fmt, ap);
	va_end(ap);
	text[n++] = '\n';
	if (__atomic_fetch_add(&board->findings, 1, __ATOMIC_SEQ_CST) < 8)
		syscall(SYS_write, 1, text, n);
}
static long ms_since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - t->tv_sec) * 1000 + (now.tv_nsec - t->tv_nsec) / 1000000;
}

/* They end by themselves; a SIGKILL helps those that do not, and what even that does not end is a finding. */
static void one_round(int round)
{
	struct { int pid; unsigned long seed; bool killed; } kids[KIDS] = { };
	struct timespec t;
	int i, status, left, looks = 0;

	make_files(round);
	board->focus = round % 2 ? round / 2 % NR_FOCUS : FOCUS_NONE;
	if ((board->focus == FOCUS_COPIES && (without & 16)) || (board->focus == FOCUS_MIDDLE && (without & 4)))
		board->focus = FOCUS_NONE;
	board->round = round;
	clock_gettime(CLOCK_MONOTONIC, &t);
	for (i = 0; i < KIDS; i++) {
		kids[i].seed = seed0 + round * 1000UL + i;
		kid_index = i;
		kids[i].pid = start(kid, kids[i].seed, uids[i % 3]);
		board->kids++;
	}
	do {
		for (i = left = 0; i < KIDS; i++) {
			if (!kids[i].pid)
				continue;
			if (waitpid(kids[i].pid, &status, WNOHANG) != kids[i].pid) {
				left++;
				continue;
			}
			kids[i].pid = 0;
			if (!WIFSIGNALED(status))
				continue;
			board->deaths++;
			/* Is it one that has hostile steps? By its first number. */
			rng = kids[i].seed * 0x9e3779b97f4a7c15UL + 1;
			for (int j = 0; j < 8; j++)
				rnd(2);
			rnd(16);		/* new_region() */
			if ((rnd(4) || (without & 1) || board->focus) && (WTERMSIG(status) != SIGKILL || !kids[i].killed))
				finding("process %d of uid %u ended by signal %d", i, uids[i % 3], WTERMSIG(status));
		}
		usleep(5000);
		if (ms_since(&t) > ROUND_MS + 1000)
			for (i = 0; i < KIDS; i++)
				if (kids[i].pid) {
					kids[i].killed = true;
					kill(kids[i].pid, SIGKILL);
				}
	} while (left && (ms_since(&t) < END_MS || ++looks < END_LOOKS));
	for (i = 0; i < KIDS; i++)
		if (kids[i].pid)
			finding("process %d of uid %u is not ended by SIGKILL", i, uids[i % 3]);
}

/* Of a witness */
static unsigned int uid_of(int index)
{
	return uids[index < WITNESSES ? index % 3 : index % 2];
}

/* As a descriptor with a number that libc.c knows. */
static struct board *make_board(void)
{
	int fd = memfd_create("board", 0);
	void *p = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, sizeof(struct board)) && dup2(fd, BOARD_FD) == BOARD_FD)
		p = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		cannot("no memory");
	close(fd);
	return p;
}

int main(int argc, char **argv)
{
	struct timespec t;
	unsigned int before[ALL_WITNESSES];
	int pid[ALL_WITNESSES], quiet[ALL_WITNESSES] = { }, i, round, status;
	char program[128];
	long seconds;

	if (argc < 3) {
		fprintf(stderr, "usage: userfuzz SECONDS SEED [FIRST-ROUND [WITHOUT]]\n");
		return 2;
	}
	attack_init();
	for (i = 1; i < 32; i++)		/* attack_init() catches them: here a death is one */
		signal(i, SIG_DFL);
	seconds = atol(argv[1]);
	seed0 = strtoul(argv[2], NULL, 0);
	board = make_board();
	round = argc > 3 ? atoi(argv[3]) : 0;
	without = argc > 4 ? atol(argv[4]) : 0;
	snprintf(board->dir, sizeof(board->dir), "/tmp/userfuzz-%d", getpid());
	if (mkdir(board->dir, 0777) || chmod(board->dir, 01777))
		cannot("no directory");
	make_files(round);
	board->round = round;
	for (i = 0; i < WITNESSES; i++)
		pid[i] = start_witness(i, seed0 + i, uid_of(i));
	snprintf(program, sizeof(program), "%s-libc", argv[0]);
	for (; i < ALL_WITNESSES; i++)
		pid[i] = start_libc(i, program, uid_of(i));
	clock_gettime(CLOCK_MONOTONIC, &t);
	while (ms_since(&t) < seconds * 1000 && !board->findings) {
		for (i = 0; i < ALL_WITNESSES; i++)
			before[i] = board->alive[i];
		one_round(round++);
		for (i = 0; i < ALL_WITNESSES; i++) {
			if (pid[i] <= 0)
				continue;
			if (waitpid(pid[i], &status, WNOHANG) == pid[i]) {
				finding("witness %d of uid %u ended (%#x)", i, uid_of(i), status);
				pid[i] = 0;
			} else if (before[i] != board->alive[i]) {
				quiet[i] = 0;
			} else if (++quiet[i] == QUIET) {
				finding("witness %d of uid %u does not get on", i, uid_of(i));
			}
		}
	}
	board->stop = 1;
	for (i = 0; i < ALL_WITNESSES; i++) {
		if (pid[i] <= 0)
			continue;
		usleep(200000);
		kill(pid[i], SIGKILL);
		waitpid(pid[i], &status, 0);
	}
	printf("%d findings in %ld ms, %d rounds: %lu processes, %lu steps, %lu looks, %lu deaths (seed %lu)\n", board->findings,
	       ms_since(&t), round, board->kids, board->steps, board->looks, board->deaths, seed0);
	return board->findings != 0;
}
