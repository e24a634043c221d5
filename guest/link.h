/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames to and from the host, see <ring3/agent.h>. */
#ifndef R3_GUEST_LINK_H
#define R3_GUEST_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ring3/agent.h>

struct link {
	int fd;			/* non-blocking */
	const char *broken;	/* why the link ended; NULL while it works */
	bool is_port;		/* a virtio-console port; else a socket, in tests */
	bool hangup;		/* the host's end is not open (yet) */
	uint8_t *in;
	size_t in_len;
	size_t in_cap;
	uint8_t *out;
	size_t out_start;
	size_t out_len;
	size_t out_cap;
};

/* Takes the descriptor and makes it non-blocking. 0 or -errno. */
int link_init(struct link *link, int fd);

/* Gives memory and descriptor back. */
void link_free(struct link *link);

/* Reads what is there. Sets broken at an end or an error. */
void link_fill(struct link *link);

/*
 * The next complete frame; frame and payload stay valid until the next call
 * of link_fill(). Returns false when there is none or the link is broken.
 */
bool link_next(struct link *link, size_t *pos, struct r3_frame *frame, const uint8_t **payload);

/* Drops the first pos bytes, which link_next() went past. */
void link_consume(struct link *link, size_t pos);

/* Queues one frame. On lack of memory or too much queued the link is broken. */
void link_send(struct link *link, uint16_t type, uint16_t session, const void *payload, size_t len);

/*
 * Room for a data frame of up to len bytes to be read into; NULL if too much is
 * queued already. link_commit() then says how many bytes it has got.
 */
uint8_t *link_reserve(struct link *link, size_t len);
void link_commit(struct link *link, uint16_t type, uint16_t session, size_t len);

/* Writes as much of the queue as the port takes. */
void link_flush(struct link *link);

static inline size_t link_queued(const struct link *link)
{
	return link->out_len - link->out_start;
}

#endif
