// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * More of everything than there is: processes, threads, mappings, memory. It
 * may fail for the attacker; what counts is that the guest goes on, which the
 * test looks after. KIND AMOUNT.
 */
#include "attack.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int many_processes(long n)
{
	static int pid[4096];
	long i;

	for (i = 0; i < n && i < 4096; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			break;
		if (!pid[i]) {
			pause();
			_exit(0);
		}
		shared->word[0] = i + 1;
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

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(long);
	} kinds[] = {
		{ "processes", many_processes }, { "threads", many_threads },
		{ "mappings", many_mappings }, { "memory", much_memory },
	};
	unsigned int i;

	attack_init();
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (argc == 3 && !strcmp(argv[1], kinds[i].name)) {
			int status = in_child(kinds[i].fn, atol(argv[2]), 20000);

			printf("%lu %s, status %#x\n", shared->word[0], kinds[i].name, status);
			return attack_end();
		}
	cannot("usage: exhaust KIND AMOUNT");
}
