// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * FUTEX_CMP_REQUEUE on a futex that processes share: so many wake, so many move, the
 * rest stays, and the answer says so; no waiter is lost. Run as: requeue_all ROUNDS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_WAITERS 200

static struct {
	unsigned int word[2];
	volatile int late;
} *shared;

static long futex(unsigned int *addr, int op, unsigned int val, const void *timeout, unsigned int *other, unsigned int val3)
{
	return syscall(SYS_futex, addr, op, val, timeout, other, val3);
}

static void waiter(void)
{
	struct timespec patience = { 30, 0 };

	if (futex(&shared->word[0], FUTEX_WAIT, 0, &patience, NULL, 0) && errno == ETIMEDOUT)
		shared->late = 1;
	_exit(0);
}

/* Until it sleeps in the call. */
static int sleeps(int pid)
{
	char path[64], line[256], *state;
	int tries, size;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (tries = 0; tries < 20000; tries++) {
		f = fopen(path, "r");
		size = f ? fread(line, 1, sizeof(line) - 1, f) : 0;
		if (f)
			fclose(f);
		line[size > 0 ? size : 0] = 0;
		state = strrchr(line, ')');
		if (state && state[2] == 'S')
			return 1;
		usleep(500);
	}
	return 0;
}

static int one(int waiters, int wake, int move)
{
	int pid[MAX_WAITERS], i, good = 1, left = waiters, want;
	long said;

	memset(shared, 0, sizeof(*shared));
	for (i = 0; i < waiters; i++) {
		pid[i] = fork();
		if (!pid[i])
			waiter();
	}
	for (i = 0; i < waiters; i++)
		good &= sleeps(pid[i]);
	usleep(20000);
	/* Not if the word is another by now. */
	good &= futex(&shared->word[0], FUTEX_CMP_REQUEUE, wake, (void *)(long)move, &shared->word[1], 1) == -1 && errno == EAGAIN;
	said = futex(&shared->word[0], FUTEX_CMP_REQUEUE, wake, (void *)(long)move, &shared->word[1], 0);
	want = wake + move < waiters ? wake + move : waiters;
	if (said != want)
		printf("# %d waiters, %d to wake, %d to move: %ld\n", waiters, wake, move, said), good = 0;
	for (i = 0; i < (wake < waiters ? wake : waiters); i++)
		left -= wait(NULL) > 0;
	usleep(20000);
	if (waitpid(-1, NULL, WNOHANG) > 0)
		printf("# %d waiters, %d to wake: more woke\n", waiters, wake), good = 0;
	said = futex(&shared->word[1], FUTEX_WAKE, MAX_WAITERS, NULL, NULL, 0);
	want -= wake < waiters ? wake : waiters;
	if (said != want)
		printf("# %ld were moved, not %d\n", said, want), good = 0;
	said = futex(&shared->word[0], FUTEX_WAKE, MAX_WAITERS, NULL, NULL, 0);
	if (said != left - want)
		printf("# %ld were left, not %d\n", said, left - want), good = 0;
	while (wait(NULL) > 0)
		;
	return good && !shared->late;
}

int main(int argc, char **argv)
{
	static const int cases[][3] = { { 10, 3, 7 }, { 10, 0, 10 }, { 10, 2, 6 }, { MAX_WAITERS, 50, 150 }, { MAX_WAITERS, 70, 100 },
					{ 5, 9, 9 } };
	int rounds = argc > 1 ? atoi(argv[1]) : 1, number = 0, failed = 0, good, n;
	unsigned int i;

	setvbuf(stdout, NULL, _IONBF, 0);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (n = 0, good = 1; n < rounds && good; n++)
			good = one(cases[i][0], cases[i][1], cases[i][2]);
		printf("%s %d - of %d waiters %d wake and %d move\n", good ? "ok" : "not ok", ++number, cases[i][0], cases[i][1],
		       cases[i][2]);
		failed |= !good;
	}
	printf("1..%d\n", number);
	return failed;
}
