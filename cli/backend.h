/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A back-end process of a guest: a program of its own that carries a device's data
 * to the host, as ring3-net does. It is a child of `ring3 run`, has the descriptors
 * that it is given and no other, ends with its parent, and what it says on its
 * stderr is shown as its words.
 */
#ifndef R3_BACKEND_H
#define R3_BACKEND_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "confine.h"
#include "loop.h"

/* Descriptors from this number on are a back end's own, in the order given. */
#define BACKEND_FIRST_FD	3
#define BACKEND_MAX_FDS		4

struct backend {
	const char *name;		/* as messages call it */
	pid_t pid;			/* 0: none, or it has ended */
	int log_fd;			/* read end of its stderr, non-blocking; -1: none */
	struct loop *loop;		/* NULL: not watched yet */
	struct watch log_watch;
	char line[512];			/* of its stderr, not complete yet */
	size_t len;
	bool quiet;			/* lines are not shown, but the last one kept: for whoever says what went wrong */
	char last[512];
	int64_t second;			/* lines are counted a second */
	unsigned int lines;
};

/*
 * Where a program of ring3's own is: beside this one, where the build puts it,
 * or in libexec; $RING3_BIN names another directory. -ENOENT with err set.
 */
int backend_find(const char *name, const char *package, char *path, size_t size, struct r3_err *err);

/* The same for one of the host's, by $PATH. */
int backend_find_host(const char *name, const char *package, char *path, size_t size, struct r3_err *err);

/*
 * Starts @path without waiting for it. The descriptors stay the caller's too; in
 * the child they are BACKEND_FIRST_FD and up. A program that cannot be executed
 * says so by its stderr and status 127.
 */
int backend_start(struct backend *b, const char *name, const char *path, char *const argv[], const int *fds,
		  int nr_fds, struct r3_err *err);

/* The same behind walls (confine.h). */
int backend_start_confined(struct backend *b, const char *name, const char *path, char *const argv[], const int *fds,
			   int nr_fds, const struct confine *walls, struct r3_err *err);

/*
 * Runs @path to its end, within @ms, and takes what it writes to stdout, which ends with a 0 and
 * is to be freed. -EIO with its last line as the sentence if it fails, *out is set all the same.
 */
int backend_ask(const char *name, const char *path, char *const argv[], const int *fds, int nr_fds, const struct confine *walls,
		int ms, char **out, struct r3_err *err);

/* From now on its words are read as they come: first kept, and shown once quiet is false. */
void backend_watch(struct backend *b, struct loop *loop);

/* Shows what it says by other ways than its stderr, in its name; of all its lines so many a second. */
void backend_say(struct backend *b, const char *text);

/* How one ended that had nothing to complain of. */
#define BACKEND_CONTENT	"ended with status 0"

/* Returns true, once, when it has ended, with how that was in words; its last words are shown first. */
bool backend_reap(struct backend *b, char *how, size_t size);

/* Ends it if it does not end by itself within that time, and waits for that. */
void backend_end(struct backend *b, int ms);

#endif
