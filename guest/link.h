/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames to and from the host over the agent's port. */
#ifndef R3_GUEST_LINK_H
#define R3_GUEST_LINK_H

#include "frames.h"

struct link {
	int fd;			/* non-blocking */
	bool is_port;		/* a virtio-console port; else a socket, in tests */
	bool hangup;		/* the host's end is not open (yet) */
	struct frames frames;	/* its broken says why the link ended */
};

/* Takes the descriptor and makes it non-blocking. 0 or -errno. */
int link_init(struct link *link, int fd);

/* Gives memory and descriptor back. */
void link_free(struct link *link);

/* Reads what is there. Sets frames.broken at an end or an error. */
void link_fill(struct link *link);

/* Queues one frame. */
void link_send(struct link *link, uint16_t type, uint16_t session, const void *payload, size_t len);

/* Writes as much of the queue as the port takes. */
void link_flush(struct link *link);

#endif
