// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Does cost grow as work grows? Each series takes sizes from small to large and
 * gives the cost of one unit, a page or a process: a straight line of costs is
 * a flat row of numbers, and where they begin to rise is a knee.
 *
 * "dense" touches every page of a mapping. "sparse" touches one in 128 KiB, so
 * that 8 GiB need 256 MiB of memory. In "vmas" each page is a mapping of its
 * own, since its neighbours have another protection: 30,000 of them make 60,000
 * areas, near the 65,530 that a process may have.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "micro.h"

#define MIB		(1024 * 1024UL)
#define SPARSE		32UL	/* pages from one touched page to the next */
#define MAX_WAITERS	1000U

static void say(const char *what, const char *series, unsigned long size, const char *suffix,
		uint64_t ns, unsigned long units)
{
	printf("{\"name\": \"%s_%s_%lu%s\", \"unit\": \"us\", ", what, series, size, suffix);
	if (ns)
		printf("\"value\": %.6g}\n", ns / 1e3 / units);
	else
		printf("\"value\": null, \"why\": \"%s\"}\n", micro_why);
	fflush(stdout);
}

/*
 * fork(), and the end of a child that has done nothing, which waits for the
 * pipe to be closed. Times are written on success. Returns 0 or -1.
 */
static int fork_and_end(uint64_t *fork_ns, uint64_t *end_ns)
{
	int go[2], status;
	uint64_t start;
	pid_t pid;
	char c;

	if (pipe(go)) {
		micro_fail("pipe");
		return -1;
	}
	start = micro_now();
	pid = fork();
	if (!pid) {
		close(go[1]);
		_exit(read(go[0], &c, 1) ? 1 : 7);
	}
	*fork_ns = micro_now() - start;
	close(go[0]);
	start = micro_now();
	close(go[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		micro_fail("fork");
		return -1;
	}
	*end_ns = micro_now() - start;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 7) {
		micro_wrong("a child's status");
		return -1;
	}
	return 0;
}

/* One mapping of that size: first touch, fork, the child's end, unmapping. */
static void mapped(const char *series, unsigned long mib, unsigned long step)
{
	unsigned long len = mib * MIB, pages = len / PAGE / step, i;
	uint64_t fault, fork_ns = 0, end_ns = 0, unmap;
	volatile char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		micro_fail("mmap");
		say("fault", series, mib, "M", 0, 1);
		return;
	}
	/* Huge pages would bring in the memory that sparse is to save. */
	if (step > 1)
		madvise((void *)p, len, MADV_NOHUGEPAGE);
	fault = micro_now();
	for (i = 0; i < pages; i++)
		p[i * step * PAGE] = i + 1;
	fault = micro_now() - fault;
	if (fork_and_end(&fork_ns, &end_ns))
		fork_ns = end_ns = 0;
	for (i = 0; i < pages; i++)
		if (p[i * step * PAGE] != (char)(i + 1))
			break;
	if (i < pages)
		fault = fork_ns = end_ns = micro_wrong("a page's contents");
	say("fault", series, mib, "M", fault, pages);
	say("fork", series, mib, "M", fork_ns, pages);
	say("exit", series, mib, "M", end_ns, pages);
	unmap = micro_now();
	if (munmap((void *)p, len))
		unmap = micro_fail("munmap");
	else
		unmap = micro_now() - unmap;
	say("munmap", series, mib, "M", unmap, pages);
}

/* n pages, each a mapping of its own between others that are closed. */
static void vmas(unsigned long n)
{
	unsigned long len = 2 * n * PAGE, i;
	uint64_t fault, fork_ns = 0, end_ns = 0, unmap;
	volatile char *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		micro_fail("mmap");
		say("fault", "vmas", n, "", 0, 1);
		return;
	}
	for (i = 0; i < n; i++) {
		if (mprotect((void *)(p + 2 * i * PAGE), PAGE, PROT_READ | PROT_WRITE)) {
			micro_fail("mprotect");
			say("fault", "vmas", n, "", 0, 1);
			munmap((void *)p, len);
			return;
		}
	}
	fault = micro_now();
	for (i = 0; i < n; i++)
		p[2 * i * PAGE] = i + 1;
	fault = micro_now() - fault;
	if (fork_and_end(&fork_ns, &end_ns))
		fork_ns = end_ns = 0;
	for (i = 0; i < n && p[2 * i * PAGE] == (char)(i + 1); i++)
		;
	if (i < n)
		fault = fork_ns = end_ns = micro_wrong("a page's contents");
	say("fault", "vmas", n, "", fault, n);
	say("fork", "vmas", n, "", fork_ns, n);
	say("exit", "vmas", n, "", end_ns, n);
	unmap = micro_now();
	if (munmap((void *)p, len))
		unmap = micro_fail("munmap");
	else
		unmap = micro_now() - unmap;
	say("munmap", "vmas", n, "", unmap, n);
}

/* n processes: their start, one more beside them, their end; a process each. */
static void waiting(unsigned int n)
{
	static pid_t pid[MAX_WAITERS];
	uint64_t start = micro_now(), begin, one = 0, fork_ns, end_ns;
	unsigned int i, made, wrong = 0;
	const unsigned int tries = 200;

	for (made = 0; made < n; made++) {
		pid[made] = fork();
		if (!pid[made])
			for (;;)
				pause();
		if (pid[made] < 0)
			break;
	}
	begin = made == n ? micro_now() - start : micro_fail("fork");
	for (i = 0; made == n && i < tries; i++) {
		if (fork_and_end(&fork_ns, &end_ns)) {
			one = 0;
			break;
		}
		one += fork_ns + end_ns;
	}
	start = micro_now();
	for (i = 0; i < made; i++)
		kill(pid[i], SIGKILL);
	for (i = 0; i < made; i++) {
		int status;

		wrong |= waitpid(pid[i], &status, 0) != pid[i] || !WIFSIGNALED(status);
	}
	start = micro_now() - start;
	say("start", "processes", n, "", begin, n);
	say("one_more", "processes", n, "", one, tries);
	say("end", "processes", n, "", wrong || made < n ? micro_wrong("a child's status") : start, n);
}

void growth(int small)
{
	static const unsigned long dense[] = { 1, 4, 16, 64, 256, 0 };
	static const unsigned long sparse[] = { 16, 64, 256, 1024, 2048, 4096, 8192, 0 };
	static const unsigned long areas[] = { 100, 1000, 10000, 30000, 0 };
	static const unsigned int processes[] = { 1, 10, 100, MAX_WAITERS, 0 };
	unsigned int i, most = small ? 2 : 99;

	for (i = 0; dense[i] && i < most; i++)
		mapped("dense", dense[i], 1);
	for (i = 0; sparse[i] && i < most; i++)
		mapped("sparse", sparse[i], SPARSE);
	for (i = 0; areas[i] && i < most; i++)
		vmas(areas[i]);
	for (i = 0; processes[i] && i < most; i++)
		waiting(processes[i]);
}
