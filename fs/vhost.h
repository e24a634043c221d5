/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The back end's side of the vhost-user protocol (docs/interop/vhost-user of QEMU): the front
 * end says where its memory and queues are. Nothing that it says is believed: it may
 * have been taken over by a guest.
 */
#ifndef R3_FS_VHOST_H
#define R3_FS_VHOST_H

#include "queue.h"

#define VHOST_FDS_MAX	8		/* of one message */

struct vhost_queue {
	uint32_t size;
	uint16_t next;
	uint64_t desc, avail, used;	/* addresses of the front end */
	bool has_addr, enabled;
};

struct vhost {
	int fd;				/* connected stream socket */
	struct workers *workers;
	struct guest_mem mem;
	uint64_t user_addr;		/* the front end's address of mem's first byte */
	void *map;
	size_t map_len;
	void *inflight;			/* of all queues; NULL: the front end has sent none */
	size_t inflight_len;
	uint32_t inflight_size;		/* entries of each */
	unsigned int nr_inflight;	/* queues */
	uint64_t features, protocol;
	struct vhost_queue queue[QUEUES_MAX];
	char why[160];			/* what the front end did wrong */
};

void vhost_init(struct vhost *v, int fd, struct workers *w);

/* Serves messages until the other side closes (0) or breaks the protocol (-EPROTO, with why). */
int vhost_run(struct vhost *v);

/* Stops all queues and lets go of the memory. */
void vhost_stop(struct vhost *v);

#endif
