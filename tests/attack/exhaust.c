// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * More of everything than there is: processes, threads, mappings, memory,
 * address spaces that have ended, kernel memory that is mapped piece by piece.
 * It may fail for the attacker; what counts is that the guest goes on, which the
 * test looks after. KIND AMOUNT.
 */
#include "attack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int many_processes(long n)
{
	static int pid[4096];
	long i;

	for (i = 0; i < n && i < 4096; i++) {
		pid[i] = fork();
		if (pid[i] < 0) {
			shared->word[1] = errno;
			break;
		}
		if (!pid[i]) {
			pause();
			_exit(0);
		}
		shared->next = shared->word[0] = i + 1;
	}
	while (i-- > 0)
		kill(pid[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}

static void *sleeper(void *unused)
{
	pause();
	return NULL;
}

static int many_threads(long n)
{
	pthread_attr_t attr;
	pthread_t thread;
	long i;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (i = 0; i < n && !pthread_create(&thread, &attr, sleeper, NULL); i++)
		;
	shared->word[0] = i;
	return 0;
}

/* No two mappings can be one, here or on the host. */
static int many_mappings(long n)
{
	long i;

	for (i = 0; i < n; i++) {
		char *p = mmap(NULL, PAGE, i & 1 ? PROT_READ | PROT_WRITE : PROT_READ,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			break;
		if (i & 1)
			*p = 1;
		else
			(void)*(volatile char *)p;
		shared->word[0] = i;
	}
	return 0;
}

static int much_memory(long mb)
{
	long i;

	for (i = 0; i < mb; i++) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			break;
		memset(p, i, 1 << 20);
		shared->word[0] = i + 1;
	}
	return 0;
}

/* Can this user have processes still? */
static void has_processes(const char *what)
{
	int i, status, pid;

	for (i = 0; i < 20; i++) {
		pid = fork();
		if (!pid)
			_exit(7);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 7 << 8) {
			through("no process can be made after %lu %s", shared->word[0], what);
			return;
		}
	}
}

/* Nobody runs in them any more, but they are referred to. */
static int many_ended(long n)
{
	struct rlimit files;
	long i;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	for (i = 0; i < n; i++) {
		char name[32];
		int pid = fork(), fd;

		if (pid < 0)
			break;
		if (!pid) {
			pause();
			_exit(0);
		}
		snprintf(name, sizeof(name), "/proc/%d/mem", pid);
		fd = open(name, O_RDONLY);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (fd < 0)
			break;
		shared->next = shared->word[0] = i + 1;
	}
	has_processes("that have ended");
	return 0;
}

static void take_filters(unsigned long n)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { 1, &allow };
	int i;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* A process could have more, but each of its calls goes through all of them. */
	for (i = 0; i < 2000 && shared->word[0] < n && !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog); i++) {
		shared->word[0]++;
		shared->next++;
	}
}

/* The kernel maps each by itself. */
static int many_filters(long n)
{
	unsigned long before;
	int gate[2], done[2];
	char c;

	if (pipe(gate) || pipe(done))
		cannot("pipe");
	do {
		before = shared->word[0];
		switch (fork()) {
		case -1:
			return 0;
		case 0:
			close(gate[1]);
			take_filters(n);
			if (write(done[1], "", 1) == 1)
				(void)!read(gate[0], &c, 1);
			_exit(0);
		}
		if (read(done[0], &c, 1) != 1)
			break;
	} while (shared->word[0] > before && shared->word[0] < (unsigned long)n);
	has_processes("filters");
	return 0;
}

/* Processes that read memory which was never written: a page table entry each,
 * and on the host a mapping each. */
static int many_zeros(long n)
{
	int ready[2], gate[2];
	char c;
	long i;

	if (pipe(ready) || pipe(gate))
		cannot("pipe");
	for (i = 0; i < n; i++) {
		int pid = fork();

		if (pid < 0)
			break;
		if (!pid) {
			volatile char *p = mmap(NULL, 40000 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			long at;

			close(gate[1]);
			for (at = 0; at < 40000; at++)
				(void)p[at * PAGE];
			if (write(ready[1], "", 1) == 1)
				(void)!read(gate[0], &c, 1);
			_exit(0);
		}
		if (read(ready[0], &c, 1) != 1)
			break;
		shared->next = shared->word[0] = i + 1;
	}
	sleep(2);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(long);
	} kinds[] = {
		{ "processes", many_processes }, { "threads", many_threads },
		{ "mappings", many_mappings }, { "memory", much_memory },
		{ "ended", many_ended }, { "filters", many_filters },
		{ "zeros", many_zeros },
	};
	unsigned int i;

	attack_init();
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (argc == 3 && !strcmp(argv[1], kinds[i].name)) {
			int status = in_child(kinds[i].fn, atol(argv[2]), 200000);

			printf("%lu %s, status %#x, error %lu\n", shared->word[0], kinds[i].name, status, shared->word[1]);
			return attack_end();
		}
	cannot("usage: exhaust KIND AMOUNT");
}
