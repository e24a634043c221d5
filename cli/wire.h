/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's end of a stream of frames (<ring3/agent.h>): to the agent in a
 * guest, or through the `ring3 run` that holds the guest. The other end may
 * be hostile: what it sends is bounded here, and what it does not take ends
 * the wire instead of filling memory. Callbacks may send, never close.
 */
#ifndef R3_WIRE_H
#define R3_WIRE_H

#include "frames.h"
#include "loop.h"

#define WIRE_LOW	FRAMES_LOW

struct wire {
	struct loop *loop;
	struct watch watch;
	int fd;				/* non-blocking; -1: closed */
	bool from_host;			/* the other end may send what a host sends */
	bool paused;			/* do not read for now */
	bool deaf;			/* it takes nothing any more, but may have said something */
	bool busy;			/* frames are being handled */
	const char *broken;		/* why it ended; NULL while it works */
	struct frames frames;
	void *ctx;
	/* One frame; payload is valid until it returns. NULL, or what is wrong with it. */
	const char *(*frame)(void *ctx, const struct r3_frame *frame, const uint8_t *payload);
	/* Once, when the wire ended. */
	void (*ended)(void *ctx, const char *why);
	/* The queue went below WIRE_LOW. */
	void (*drained)(void *ctx);
};

/* Callbacks are set by the caller. Takes @fd, which is made non-blocking. */
int wire_open(struct wire *wire, struct loop *loop, int fd);
void wire_close(struct wire *wire);

void wire_send(struct wire *wire, uint16_t type, uint16_t session, const void *payload, size_t len);
uint8_t *wire_reserve(struct wire *wire, size_t len);
void wire_commit(struct wire *wire, uint16_t type, uint16_t session, size_t len);

void wire_pause(struct wire *wire, bool paused);

/* Reads and handles all that is there, without waiting. */
void wire_drain(struct wire *wire);

static inline size_t wire_queued(const struct wire *wire)
{
	return frames_queued(&wire->frames);
}

#endif
