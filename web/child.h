/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other subcommands as children: all that the server does to a guest or a switch is done by
 * `ring3`, as a user would. They have the descriptors that are said here and no other.
 */
#ifndef R3_WEB_CHILD_H
#define R3_WEB_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct child {
	pid_t pid;		/* 0: none, or it has ended */
	int fd;			/* non-blocking: the terminal's master, or what it writes; -1: none */
};

/* On a terminal of its own. */
int child_on_pty(struct child *c, const char *path, char *const argv[], unsigned int cols, unsigned int rows, struct r3_err *err);

/* Without stdin; stdout and stderr are one pipe. */
int child_on_pipe(struct child *c, const char *path, char *const argv[], struct r3_err *err);

void child_resize(const struct child *c, unsigned int cols, unsigned int rows);

/* True, once, when it has ended: with its exit status, 128 and more for a signal. */
bool child_reap(struct child *c, int *status);

/* Closes its terminal or pipe; sig, if not 0, goes to it. It still has to be reaped. */
void child_close(struct child *c, int sig);

#endif
