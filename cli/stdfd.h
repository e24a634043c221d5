/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Standard input and outputs without blocking and without a trace: O_NONBLOCK
 * belongs to the file description, which other processes share, so it is
 * never set on one that we inherited.
 */
#ifndef R3_STDFD_H
#define R3_STDFD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stdfd {
	int fd;			/* to poll; -1: closed */
	int given;		/* what we inherited */
	bool tty;
	bool socket;
	bool own;		/* fd is a description of our own, non-blocking */
	bool pipe;		/* shared pipe or terminal: small writes after poll() */
};

/* Opens /dev/null for those of 0, 1 and 2 that are closed. */
void stdfd_sanitize(void);

void stdfd_open(struct stdfd *io, int fd, bool output);

/* As read() and write(), but -errno; -EAGAIN if it would block. */
ssize_t stdfd_read(struct stdfd *io, void *buf, size_t len);
ssize_t stdfd_write(struct stdfd *io, const void *buf, size_t len);

/*
 * Waits for room: until that loop_now() or, with 0, for as long as somebody
 * may be thought to read it still. Returns false when there is none.
 */
bool stdfd_wait(struct stdfd *io, int64_t until);

/* So that whoever is at the other end sees it: also the inherited one. */
void stdfd_close(struct stdfd *io);

#endif
