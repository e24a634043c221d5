/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One ring3 command that ring3 up, or down, has done for it: a child in a session of its
 * own, whose output goes to a log that has an end, and whose last words are kept.
 */
#ifndef R3_LABCHILD_H
#define R3_LABCHILD_H

#include <sys/types.h>

#include "base/err.h"
#include "loop.h"

#define LABCHILD_WORDS	2048
/* A guest that says more is not listened to: the log is in memory of the host. */
#define LABCHILD_LOG	(256 << 10)

struct labchild {
	pid_t pid;			/* 0: none */
	int fd;				/* its output; -1: it has ended */
	int log;			/* -1: none */
	struct loop *loop;
	struct watch watch;
	char words[LABCHILD_WORDS + 1];	/* the last it said */
	size_t len;
};

/*
 * argv: of ring3, argv[0] being the subcommand. input: what it reads, NULL: nothing.
 * log: a descriptor that stays the caller's.
 */
int labchild_start(struct labchild *c, struct loop *loop, char *const *argv, const char *input, int log, struct r3_err *err);

/* It ended, waitpid() said so: takes what is left of its output. */
void labchild_ended(struct labchild *c);

/* Its last lines, cleaned, as many as @lines. */
const char *labchild_words(struct labchild *c, unsigned int lines);

#endif
