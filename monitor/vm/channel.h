/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control channel: how `ring3 run` has something done by a monitor whose jail is
 * closed. One SOCK_SEQPACKET socket between the two. A request is one message of a
 * size that its operation fixes, with at most one descriptor; each has exactly one
 * answer, which is never larger than the operation's, and never has a descriptor.
 *
 * The main thread serves it, between its other events: an operation does what it has
 * to do at once and does not wait for the guest.
 *
 * Neither side believes the other more than it has to. The monitor is under foreign
 * control for all that `ring3 run` knows (cli/channel.h); and what the monitor gets is
 * checked, as it costs nothing, although who sends it could do anything.
 */
#ifndef R3_CHANNEL_H
#define R3_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ring3/layout.h>
#include <ring3/vdev.h>

#define CHANNEL_REQUEST_MAX	256
#define CHANNEL_ANSWER_MAX	8192

/* What is asked for. Numbers are never used for something else; table and sizes in vm/ops.c. */
enum channel_op_nr {
	CHANNEL_PING = 1,
	CHANNEL_STATS = 2,
	CHANNEL_MEMORY = 20,		/* the guest is asked to do with less, or may have all again */
};

struct channel_request {
	uint32_t size;			/* of all of the message */
	uint32_t op;
	uint64_t id;			/* the answer has the same */
};

struct channel_answer {
	uint32_t size;			/* of all of the message: with status other than 0 this head */
	int32_t status;			/* 0, or -errno */
	uint64_t id;
};

/* ---- CHANNEL_STATS ---- */

/* Of one device; bytes and units as its kind has them, see docs/machines.md. */
struct channel_dev {
	char kind[8];
	uint64_t cpu_ns;		/* its thread's */
	uint64_t kicks;			/* by which the driver woke it */
	uint64_t interrupts;
	uint64_t in, out;		/* requests or frames, to the guest and from it */
	uint64_t in_bytes, out_bytes;
	uint64_t dropped;		/* or failed */
};

struct channel_stats {
	uint64_t mem;			/* bytes of guest RAM */
	uint64_t mem_back;		/* of which the guest has given back what it was asked for */
	uint32_t nr_cpus, nr_devs;
	uint64_t main_ns;		/* the main thread's processor time */
	uint64_t cpu_ns[R3_MAX_CPUS];	/* the vCPU threads': the guest kernel, and waiting for user code */
	struct channel_dev dev[R3_VDEV_MAX];
};

/* ---- CHANNEL_MEMORY ---- */

struct channel_memory {
	uint64_t back;			/* bytes that the guest is to give back, of all that it has */
};

/* ---- the monitor's side ---- */

/**
 * struct channel_op - one operation
 * @request: bytes behind the request's head
 * @answer: bytes behind the answer's head
 * @takes_fd: a descriptor comes with it, the operation's from then on
 * @run: 0 with @answer filled, which was zeroed, or -errno
 */
struct channel_op {
	uint32_t request, answer;
	bool takes_fd;
	int (*run)(void *ctx, const void *request, void *answer, int fd);
};

/**
 * channel_serve() - take one request and answer it
 * @fd: the socket
 * @ops: by their numbers; without @run: there is none
 *
 * Return: false when the other side is gone.
 */
bool channel_serve(int fd, const struct channel_op *ops, size_t nr_ops, void *ctx);

#endif
