/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One conversation with a vhost-user back end: requests and their answers, each within
 * a bounded time. The first thing that goes wrong ends it, for good.
 */
#ifndef R3_VHOST_LINK_H
#define R3_VHOST_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "dev/vhost_user.h"

#define VHOST_LINK_PAYLOAD_MAX	sizeof(struct vhost_user_config)

struct vhost_link {
	int fd;				/* stream socket; not closed */
	bool passed_on;			/* by a process that has the descriptors and sends them; fd does not block */
	bool acks;			/* the back end confirms requests that have no answer */
	int64_t until;			/* of the exchange under way; CLOCK_MONOTONIC in ms */
	const char *dead;		/* NULL, or what it did wrong: "has closed the connection" */
	bool closed;			/* that is what it did */
};

/* What comes next is to be over within @ms. */
void vhost_link_within(struct vhost_link *link, int ms);

/**
 * vhost_link_tell() - a request without an answer
 * @fd: goes along with it, -1: none
 *
 * If the back end confirms requests, waits for that.
 *
 * Return: 0, or -EIO: the link is dead.
 */
int vhost_link_tell(struct vhost_link *link, uint32_t request, const void *payload, uint32_t size, int fd);

/**
 * vhost_link_ask() - a request with an answer
 * @answer: filled with exactly @answer_size bytes
 */
int vhost_link_ask(struct vhost_link *link, uint32_t request, const void *payload, uint32_t size,
		   void *answer, uint32_t answer_size);

/* The socket may be read although nothing was asked: has the back end gone, or what does it say? */
void vhost_link_unasked(struct vhost_link *link);

/* Nothing will be asked of it any more, which it may notice. */
void vhost_link_end(struct vhost_link *link, const char *why);

#endif
