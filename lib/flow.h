/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands in the guest.
 *
 * Theory of operation: whoever waits, reader, writer or both in threads of their own, moves
 * the connection. One of them at a time sleeps in poll() without the lock, the others on the
 * condition, which is told after each move. Who queues a frame sends what the socket takes;
 * if something stays, the one in poll() is woken to wait for room, too.
 *
 * The other side may lie. Frames are checked by wire/frames.c; here a stream gets no more than
 * was granted, and its room is there before the grant. So memory is bounded by two windows, two frames and one command.
 */
#ifndef RING3_FLOW_H
#define RING3_FLOW_H

#include <pthread.h>

#include "frames.h"
#include "inside.h"
#include "session.h"

struct stream {
	uint8_t *buf;			/* SESSION_WINDOW bytes, when there is something */
	uint32_t head, queued;
	uint32_t granted;		/* what the guest may still send */
	uint32_t owed;
};

struct ring3_command {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool moving;			/* somebody is in poll() */
	int fd, wake;
	struct frames frames;
	uint16_t id;
	uint32_t credit;		/* what may still be sent to stdin */
	bool in_closed, in_refused;
	struct stream stream[2];
	bool over;			/* it has said how it ended */
	bool never;			/* it was never started */
	int status;
	char why[520];
	const char *lost;		/* why nothing comes any more */
};

/* All with the lock. */

/* Queues a frame, and sends what can be sent. */
void command_put(struct ring3_command *c, uint16_t type, const void *payload, size_t len);

/* Until something came or went: the lock is not held meanwhile. 0, -ETIMEDOUT. */
int command_step(struct ring3_command *c, int64_t until);

/* What is there of its output; 0: nothing. */
size_t command_take(struct ring3_command *c, int *stream, void *data, size_t size);

/* What can be had now of its stdin's data; 0: nothing. -EPIPE. */
ssize_t command_give(struct ring3_command *c, const void *data, size_t len);

#endif
