/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a monitor whose jail is closed and a vhost-user back end have to say to each other,
 * passed on by `ring3 run`. For devices that come while the guest runs.
 *
 * Theory of operation: when the jail was closed, the device's thread knew no socket that it
 * may send messages and descriptors on. So it has a plain one to us and says what it
 * would say to the back end; we say it, with the descriptor that the message is about: guest memory, an
 * eventfd of a queue, the memory that requests are noted in. All of these are ours, so
 * the monitor decides about none of them.
 *
 * Neither side is believed. Of the monitor's messages only the known ones go on, each of its size, and
 * only those of queues that there are. The back end's bytes are not looked at and their descriptors
 * not taken: the monitor checks them as it does any back end's. Nothing is kept for a side that does not
 * read. Whatever is wrong ends both connections, and whoever started the back end ends it.
 */
#ifndef R3_VRELAY_H
#define R3_VRELAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dev/vhost_link.h"
#include "loop.h"
#include "vm/channel.h"

struct vrelay {
	struct loop *loop;		/* NULL: closed */
	int monitor;			/* our end */
	int theirs;			/* the monitor's; -1: it has it */
	int backend;			/* whoever opened this has it; -1: hung up */
	int ram;			/* the same */
	int call, inflight;		/* inflight -1: none */
	void *notes;			/* what is in inflight; NULL: nothing */
	unsigned int nr_kicks;
	int kick[CHANNEL_VHOST_QUEUES + 1];
	struct watch from_monitor, from_backend;
	size_t have;			/* of the message that is coming */
	uint8_t message[sizeof(struct vhost_user_header) + VHOST_LINK_PAYLOAD_MAX];
};

/**
 * vrelay_open() - for one life of a monitor
 * @backend: connected socket, the caller's, which stays open until vrelay_close()
 * @ram: the guest's memory, the same
 * @device: what the monitor is told
 *
 * Return: 0, or -errno with @err set and nothing left.
 */
int vrelay_open(struct vrelay *r, struct loop *loop, int backend, int ram, const struct channel_vhost *device, struct r3_err *err);

/* The descriptors for the monitor, in the order of enum channel_vhost_fd. Return: how many. */
unsigned int vrelay_fds(const struct vrelay *r, int fds[CHANNEL_FDS_MAX]);

/* The monitor was sent them. */
void vrelay_given(struct vrelay *r);

void vrelay_close(struct vrelay *r);

#endif
