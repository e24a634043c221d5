/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control channel (monitor/vm/channel.h), from the side of `ring3 run`.
 *
 * The other side may be under foreign control. So nothing waits for it: a request is
 * sent without blocking and is over when its answer comes or its time is up. An answer
 * has the one size that its operation has, the number of a request that is open, or was
 * given up before, and no descriptor. A monitor that sends anything else is not asked
 * again; whoever had asked is told in one sentence.
 */
#ifndef R3_CLI_CHANNEL_H
#define R3_CLI_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"
#include "vm/channel.h"

#define CHANNEL_PENDING	32		/* requests at a time */
#define CHANNEL_MS	3000		/* how long an answer may take */

/* status: 0 with an answer of the size that was asked for, or -errno and why it has none. */
typedef void channel_done_fn(void *ctx, int status, const void *answer, const char *why);

struct channel_call {
	uint64_t id;			/* 0: free */
	size_t answer;
	int64_t due;
	channel_done_fn *done;
	void *ctx;
};

struct channel {
	struct loop *loop;
	int fd;				/* -1: closed */
	const char *broken;		/* NULL, or what the monitor did wrong */
	uint64_t last_id;
	unsigned int given_up;		/* requests whose answer may come late */
	struct watch watch;
	struct timer timer;
	struct channel_call call[CHANNEL_PENDING];
};

/* Takes the descriptor, which is set to not blocking. */
void channel_open(struct channel *c, struct loop *loop, int fd);

/*
 * Asks for an operation. done is called once, later, unless this fails: 0, or -errno with
 * *why. fds: descriptors to go with it, which stay the caller's.
 */
int channel_ask_with(struct channel *c, enum channel_op_nr op, const void *request, size_t len, const int *fds, unsigned int nr_fds,
		     size_t answer, channel_done_fn *done, void *ctx, const char **why);

static inline int channel_ask(struct channel *c, enum channel_op_nr op, const void *request, size_t len, size_t answer,
			      channel_done_fn *done, void *ctx, const char **why)
{
	return channel_ask_with(c, op, request, len, NULL, 0, answer, done, ctx, why);
}

/* The guest has ended: so have all requests. */
void channel_close(struct channel *c);

#endif
