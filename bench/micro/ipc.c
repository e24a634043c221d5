// SPDX-License-Identifier: GPL-2.0-or-later
/* Two that wait for each other, on one CPU: each round trip is two switches. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
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
	char c = 0;

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
		for (i = 0; i < n; i++)
			if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
				break;
		ns = i == n ? micro_now() - ns : micro_fail("echo");
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

static uint32_t turn;
static uint64_t rounds;

static void futex_turn(uint32_t mine, uint32_t other)
{
	while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != mine)
		syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, other, NULL, NULL, 0);
	__atomic_store_n(&turn, other, __ATOMIC_RELEASE);
	syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *futex_peer(void *arg)
{
	uint64_t i;

	for (i = 0; i < rounds; i++)
		futex_turn(1, 0);
	return arg;
}

static uint64_t futex_run(uint64_t n)
{
	pthread_t thread;
	uint64_t i, ns;

	micro_pin();
	turn = 0;
	rounds = n;
	errno = pthread_create(&thread, NULL, futex_peer, NULL);
	if (errno)
		return micro_fail("pthread_create");
	ns = micro_now();
	for (i = 0; i < n; i++)
		futex_turn(0, 1);
	pthread_join(thread, NULL);
	ns = micro_now() - ns;
	micro_unpin();
	return ns;
}

const struct bench ipc_benches[] = {
	{ "pipe_pingpong", "us", pipe_run },
	{ "futex_pingpong", "us", futex_run },
	{ 0 },
};
