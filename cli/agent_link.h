/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The link to a guest's agent: its HELLO, and who has which session. It knows
 * neither what sessions are for nor what the guest is.
 */
#ifndef R3_AGENT_LINK_H
#define R3_AGENT_LINK_H

#include "wire.h"

/* The caller's own; those of clients are above. */
#define AGENT_FIRST_SESSION	1

/* A frame of a session. NULL, or what is wrong with it. */
typedef const char *agent_frame_fn(void *ctx, const struct r3_frame *frame, const uint8_t *payload);

struct agent_ops {
	uint32_t window;					/* what each stream of a session grants at first */
	void (*ready)(void *ctx);				/* it said HELLO */
	void (*failed)(void *ctx, const char *text);		/* the guest cannot go on, says the agent */
	void (*ended)(void *ctx, const char *why);		/* no frames come any more */
	void (*drained)(void *ctx);				/* it takes data again */
};

struct agent_link {
	struct wire wire;
	bool ready;
	bool full;			/* no new sessions: the guest is ending */
	struct r3_agent_hello hello;
	struct {
		agent_frame_fn *frame;	/* NULL: the number is free */
		void *ctx;
	} session[R3_AGENT_SESSIONS + 1];
	const struct agent_ops *ops;
	void *ctx;
};

/* Takes the descriptor, and forgets what was before, but not the HELLO. 0 or -errno. */
int agent_open(struct agent_link *a, struct loop *loop, int fd, const struct agent_ops *ops, void *ctx);
void agent_close(struct agent_link *a);

/* Frames of this session go to fn from now on, until its EXIT or ERROR. */
void agent_attach(struct agent_link *a, uint16_t id, agent_frame_fn *fn, void *ctx);
/* The same with a number that is free; 0 and why if there is none. */
uint16_t agent_attach_client(struct agent_link *a, agent_frame_fn *fn, void *ctx, const char **why);
/*
 * Nobody listens any more. One that was asked for is hung up on, and keeps its
 * number until the agent says that it is over.
 */
void agent_detach(struct agent_link *a, uint16_t id, bool asked);

static inline bool agent_works(const struct agent_link *a)
{
	return a->ready && !a->wire.broken;
}

void agent_power_off(struct agent_link *a, bool force);
/* The size of the guest's console. */
void agent_console_size(struct agent_link *a, const struct r3_agent_winsize *size);
/* A file in the guest, readable for all, if its directory is there. Cut to what a frame holds. */
void agent_put_file(struct agent_link *a, const char *path, const char *text, size_t len);

#endif
