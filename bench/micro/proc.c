// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes, threads, signals. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "micro.h"

static int wait_for(pid_t pid, int wanted)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == wanted;
}

/* Forks n children one after the other, each executing argv, or nothing; all
 * are to end with that status. */
static uint64_t children(uint64_t n, const char *path, char *const argv[], int status)
{
	uint64_t start = micro_now();

	while (n--) {
		pid_t pid = fork();

		if (pid < 0)
			return micro_fail("fork");
		if (!pid) {
			if (path)
				execv(path, argv);
			_exit(path ? 127 : status);
		}
		if (!wait_for(pid, status))
			return micro_wrong(path ? path : "a child's status");
	}
	return micro_now() - start;
}

static uint64_t fork_run(uint64_t n)
{
	return children(n, NULL, NULL, 7);
}

static uint64_t exec_run(uint64_t n)
{
	char *const argv[] = { MICRO_NOTHING, NULL };

	return children(n, "/proc/self/exe", argv, MICRO_STATUS);
}

static uint64_t sh_run(uint64_t n)
{
	char *const argv[] = { "sh", "-c", "true", NULL };

	return children(n, "/bin/sh", argv, 0);
}

static void *nothing(void *arg)
{
	return arg;
}

static uint64_t thread_run(uint64_t n)
{
	uint64_t start = micro_now();
	void *back = NULL;

	while (n--) {
		pthread_t thread;

		errno = pthread_create(&thread, NULL, nothing, &start);
		if (errno)
			return micro_fail("pthread_create");
		pthread_join(thread, &back);
		if (back != &start)
			return micro_wrong("a thread's value");
	}
	return micro_now() - start;
}

static volatile uint64_t handled;

static void on_usr1(int sig)
{
	(void)sig;
	handled++;
}

static uint64_t signal_run(uint64_t n)
{
	struct sigaction act = { .sa_handler = on_usr1 };
	uint64_t start, wanted = n;
	pid_t self = getpid();

	handled = 0;
	sigaction(SIGUSR1, &act, NULL);
	start = micro_now();
	while (n--)
		kill(self, SIGUSR1);
	start = micro_now() - start;
	signal(SIGUSR1, SIG_DFL);
	return handled == wanted ? start : micro_wrong("not every signal was handled");
}

static char *guarded;

static void on_segv(int sig)
{
	(void)sig;
	handled++;
	if (mprotect(guarded, PAGE, PROT_READ | PROT_WRITE))
		_exit(1);
}

/* What garbage collectors do: fault, open the page, close it again. */
static uint64_t segv_run(uint64_t n)
{
	struct sigaction act = { .sa_handler = on_segv };
	uint64_t start, wanted = n;

	guarded = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guarded == MAP_FAILED)
		return micro_fail("mmap");
	*guarded = 1;
	handled = 0;
	sigaction(SIGSEGV, &act, NULL);
	start = micro_now();
	while (n--) {
		mprotect(guarded, PAGE, PROT_NONE);
		*(volatile char *)guarded = 1;
	}
	start = micro_now() - start;
	signal(SIGSEGV, SIG_DFL);
	munmap(guarded, PAGE);
	return handled == wanted ? start : micro_wrong("not every write was stopped");
}

const struct bench proc_benches[] = {
	{ "fork_exit_wait", "us", fork_run },
	{ "fork_exec_wait_static", "us", exec_run },
	{ "sh_c_true", "us", sh_run },
	{ "pthread_create_join", "us", thread_run },
	{ "signal", "us", signal_run },
	{ "sigsegv_mprotect", "us", segv_run },
	{ 0 },
};
