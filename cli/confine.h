/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walls around a program of the host's that works for a guest and has no jail of its
 * own, as far as they can be put up from outside: it reads itself, its libraries and
 * the files it is for, and nothing else.
 */
#ifndef R3_CONFINE_H
#define R3_CONFINE_H

#include <stdbool.h>

#include "base/err.h"

#define CONFINE_MAX	64

struct confine {
	struct {
		int fd;			/* O_PATH */
		bool write;
	} file[CONFINE_MAX];
	int nr;
};

void confine_init(struct confine *c);

/* The program may open this file, and write to it. 0, or -errno with err set. */
int confine_allow(struct confine *c, const char *path, bool write, struct r3_err *err);
/* The same for an open file; the descriptor stays the caller's. */
int confine_allow_fd(struct confine *c, int fd, bool write, struct r3_err *err);

/*
 * In the child, right before @program is executed. What the host refuses is left
 * out: no new privileges, no core dumps, no network, of files only those above (Landlock),
 * and of root's rights only those to open files.
 */
void confine_apply(const struct confine *c, const char *program);

/* Does this host have the wall that keeps files apart? */
bool confine_has_files(void);

void confine_free(struct confine *c);

#endif
