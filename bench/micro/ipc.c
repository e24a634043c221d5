// SPDX-License-Identifier: GPL-2.0-or-later
/* Two that wait for each other, on one CPU: each round trip is two switches. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "micro.h"

static void echo(int in, int out)
{
	char c;

	while (read(in, &c, 1) == 1)
		if (write(out, &c, 1) != 1)
			break;
	_exit(0);
}

static uint64_t pipe_run(uint64_t n)
{
	int there[2], back[2];
	uint64_t ns = 0, i;
	pid_t pid;

	if (pipe(there) || pipe(back))
		return micro_fail("pipe");
	micro_pin();
	pid = fork();
	if (!pid) {
		close(there[1]);
		close(back[0]);
		echo(there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	if (pid > 0) {
		ns = micro_now();
		for (i = 0; i < n; i++) {
			unsigned char c = i, echo;

			if (write(there[1], &c, 1) != 1 || read(back[0], &echo, 1) != 1 || echo != c)
				break;
		}
		ns = i == n ? micro_now() - ns : micro_wrong("echo");
	} else {
		micro_fail("fork");
	}
	close(there[1]);
	close(back[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	micro_unpin();
	return ns;
}

/* Whose turn it is, and how often it changed: plain, as only the holder does. */
struct turns {
	uint32_t turn;
	uint64_t changes;
};

static uint64_t rounds;

static void futex_turn(struct turns *t, uint32_t mine, uint32_t other, int flags)
{
	while (__atomic_load_n(&t->turn, __ATOMIC_ACQUIRE) != mine)
		syscall(SYS_futex, &t->turn, FUTEX_WAIT | flags, other, NULL, NULL, 0);
	t->changes++;
	__atomic_store_n(&t->turn, other, __ATOMIC_RELEASE);
	syscall(SYS_futex, &t->turn, FUTEX_WAKE | flags, 1, NULL, NULL, 0);
}

static void *futex_peer(void *arg)
{
	uint64_t i;

	for (i = 0; i < rounds; i++)
		futex_turn(arg, 1, 0, FUTEX_PRIVATE_FLAG);
	return arg;
}

static uint64_t futex_run(uint64_t n)
{
	struct turns turns = { 0 };
	pthread_t thread;
	uint64_t i, ns;

	micro_pin();
	rounds = n;
	errno = pthread_create(&thread, NULL, futex_peer, &turns);
	if (errno)
		return micro_fail("pthread_create");
	ns = micro_now();
	for (i = 0; i < n; i++)
		futex_turn(&turns, 0, 1, FUTEX_PRIVATE_FLAG);
	pthread_join(thread, NULL);
	ns = micro_now() - ns;
	micro_unpin();
	return turns.changes == 2 * n ? ns : micro_wrong("turns were lost");
}

/* The same between two processes: every turn is a switch to another address
 * space, and the least that it takes. n switches. */
static uint64_t switch_run(uint64_t n)
{
	struct turns *turns = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t i, ns, each = (n + 1) / 2;
	int status = -1;
	pid_t pid;

	if (turns == MAP_FAILED)
		return micro_fail("mmap");
	micro_pin();
	pid = fork();
	if (!pid) {
		for (i = 0; i < each; i++)
			futex_turn(turns, 1, 0, 0);
		_exit(0);
	}
	ns = micro_now();
	for (i = 0; pid > 0 && i < each; i++)
		futex_turn(turns, 0, 1, 0);
	if (pid > 0)
		waitpid(pid, &status, 0);
	ns = micro_now() - ns;
	micro_unpin();
	if (pid < 0)
		ns = micro_fail("fork");
	else if (status || turns->changes != 2 * each)
		ns = micro_wrong("turns were lost");
	munmap(turns, PAGE);
	return ns;
}

const struct bench ipc_benches[] = {
	{ "pipe_pingpong", "us", pipe_run },
	{ "futex_pingpong", "us", futex_run },
	{ "switch_spaces", "us", switch_run },
	{ 0 },
};
