// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * auxv TYPE CLEAR CMD...: run CMD with the bits CLEAR taken from the entry TYPE
 * of what the kernel tells a program about its host, before the program's
 * first instruction. So a host that lacks something can be had on one that
 * has it. Ends with 77 where processes cannot be traced.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static long peek(pid_t pid, unsigned long at)
{
	return ptrace(PTRACE_PEEKDATA, pid, at, 0);
}

/* On the stack: argc, argv, NULL, environment, NULL, entries. */
static int change(pid_t pid, long type, long clear)
{
	struct user_regs_struct regs;
	unsigned long at;
	long found;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
		return -1;
	at = regs.rsp + 8 * (peek(pid, regs.rsp) + 2);
	while (peek(pid, at))
		at += 8;
	for (at += 8; (found = peek(pid, at)) != AT_NULL; at += 16)
		if (found == type)
			return ptrace(PTRACE_POKEDATA, pid, at + 8, peek(pid, at + 8) & ~clear);
	errno = ENOENT;
	return -1;
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc < 4) {
		fprintf(stderr, "usage: auxv TYPE CLEAR CMD [ARG...]\n");
		return 2;
	}
	pid = fork();
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			_exit(77);
		execvp(argv[3], argv + 3);
		fprintf(stderr, "auxv: %s: %s\n", argv[3], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("auxv");
		return 2;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (change(pid, strtol(argv[1], NULL, 0), strtol(argv[2], NULL, 0)) ||
	    ptrace(PTRACE_DETACH, pid, 0, 0)) {
		perror("auxv");
		kill(pid, SIGKILL);
		return 2;
	}
	if (waitpid(pid, &status, 0) != pid)
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
