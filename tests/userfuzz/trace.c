// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process that another of its uid traces: stops it anywhere, steps it, stops it at
 * calls, reads and writes what it has. It goes on as if nobody was there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "userfuzz.h"

/* Calls of both forms, memory and registers, until it is told to end. */
static void traced(volatile int *end)
{
	unsigned long v = canary(me, 7);
	long parent = syscall(SYS_getppid);
	const unsigned char *site;
	int n;

	do {
		n = rnd(SITES);
		site = code[0] + rnd(PAGES) * PAGE + FIRST + n * APART;
		if (call_at(site, 0, 0, 0) != right_answer(n) || call_at(site + 16, SYS_getppid, 0, 0) != parent)
			_exit(syscall(SYS_getppid) == parent ? 8 : 7);
		look_at_region(&regions[0]);
		if (vectors_spin(v, 2000))
			finding("vector registers of a traced process are wrong");
		look_at_code(code[0], rnd(PAGES), "code of a traced process");
	} while (!*end && !board->stop && syscall(SYS_getppid) == parent);
	_exit(7);
}

static bool stopped(int pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
}

static void look_at_ip(int pid)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
		return;
	board->looks++;
	if (regs.rip >= R3_STUB_BASE && regs.rip < R3_STUB_END && !hostile)
		finding("a traced process is at %#llx, in the stub", regs.rip);
	/* As it is, and once more. */
	ptrace(PTRACE_SETREGS, pid, 0, &regs);
}

static void look_at_memory(int pid)
{
	unsigned char want[PAGE], have[PAGE];
	int n = rnd(PAGES), fd;
	char path[32];
	long v;

	v = ptrace(PTRACE_PEEKDATA, pid, regions[0].p, 0);
	if ((unsigned long)v != canary(me, 0) && !hostile)
		finding("a traced process has %#lx", v);
	ptrace(PTRACE_POKEDATA, pid, regions[0].p, v);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return;
	make_page(want, n);
	if (pread(fd, have, PAGE, (long)code[0] + n * PAGE) == PAGE && memcmp(want, have, PAGE) && !hostile)
		finding("code of a traced process is not what the file has");
	/* From here on the page is its own, and writable to the tracer. */
	if (rnd(4) == 0 && pwrite(fd, want + DATA, 8, (long)code[0] + n * PAGE + DATA) != 8 && !hostile)
		finding("code of a traced process cannot be written");
	close(fd);
}

/* Returns false if it is not there any more. */
static bool look_at(int pid)
{
	int n, how = rnd(4);

	look_at_ip(pid);
	switch (how) {
	case 0:
		look_at_memory(pid);
		return true;
	case 1: case 2:
		for (n = 1 + rnd(30); n; n--) {
			if (ptrace(how == 1 ? PTRACE_SINGLESTEP : PTRACE_SYSCALL, pid, 0, 0) || !stopped(pid))
				return false;
			look_at_ip(pid);
		}
	}
	return true;
}

void trace(void)
{
	volatile int *end = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int pid, status = 0, n;
	bool there;

	if (end == MAP_FAILED)
		return;
	pid = fork();
	if (!pid)
		traced(end);
	usleep(rnd(2000));
	there = pid > 0 && !ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL);
	for (n = 1 + rnd(6); n && there; n--) {
		there = !ptrace(PTRACE_INTERRUPT, pid, 0, 0) && stopped(pid) && look_at(pid) &&
			!ptrace(PTRACE_CONT, pid, 0, 0);
		usleep(rnd(1000));
	}
	if (there && rnd(2) && !ptrace(PTRACE_INTERRUPT, pid, 0, 0) && stopped(pid))
		ptrace(PTRACE_DETACH, pid, 0, 0);
	*end = 1;
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status != 7 << 8 && !hostile)
		finding("a traced process ended with %#x", status);
	munmap((void *)end, PAGE);
}
