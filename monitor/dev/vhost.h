/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the vhost-user front end: vhost.c, vhost_kinds.c, vhost_orphan.c. */
#ifndef R3_VHOST_H
#define R3_VHOST_H

#include "base/util.h"
#include "dev/dev.h"
#include "dev/vhost_link.h"

#define VHOST_MAX_QUEUES	32
#define VHOST_INFLIGHT		(1ULL << VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD)

struct vhost {
	struct dev dev;
	struct vhost_link link;
	char name[128];			/* for messages */
	struct dev_vhost cfg;		/* of dev_vhost_take(), until it is open */
	char tag[37];			/* the same */
	uint64_t theirs;		/* features that the back end has, protocol's own bit included */
	uint64_t protocol;		/* protocol features in use */
	unsigned int max_queues;	/* that the back end has */
	int wait_ms;			/* 0: as vhost.c has it */
	bool complained;		/* it was said that the back end is of no use any more */
	int call_fd;			/* of all queues: eventfd by which the back end interrupts */
	uint64_t started;		/* a bit for each queue that the back end serves */

	/* Of a shared folder whose back end can say what it has taken. */
	void *inflight;			/* NULL: not so */
	int inflight_fd;
	bool reads;			/* inflight is a copy of ours: others make the memory ready */
	bool orphan;			/* the back end has died, and requests are refused here */
	struct virtq_chain chain;
};

static inline struct vhost *to_vhost(struct dev *dev)
{
	return container_of(dev, struct vhost, dev);
}

/* vhost_kinds.c: what the driver is told of the device. Each fills config, queues and their sizes. */

/* Bits that may be passed on from the back end to the driver, beside those that all devices have. */
uint64_t vhost_features(enum dev_vhost_kind kind);
int vhost_blk_setup(struct vhost *vhost, const struct dev_vhost *cfg, struct r3_err *err);
int vhost_fs_setup(struct vhost *vhost, const struct dev_vhost *cfg, struct r3_err *err);

/* vhost.c: takes what an eventfd counts that others have, too. Return: false if that is nothing. */
bool vhost_take(int fd);

/* vhost_orphan.c. After the queues' number and sizes are known; 0 or -errno. */
int vhost_inflight_make(struct vhost *vhost);
/* The same with memory that is there already, by its descriptor, which is only read. */
int vhost_inflight_take(struct vhost *vhost);
void vhost_inflight_free(struct vhost *vhost);
/* Nothing is in flight. */
void vhost_inflight_clear(struct vhost *vhost);
/* Return: 0, or -EIO: the link is dead. */
int vhost_inflight_give(struct vhost *vhost);
/* The link is dead. Return: whether the queues are served here from now on. */
bool vhost_adopt(struct vhost *vhost);
void vhost_orphan_kick(struct vhost *vhost, unsigned int q);
/* Of vhost_adopt() as many as there are queues. */
int vhost_orphan_pollfds(struct vhost *vhost, struct pollfd *pfd);
void vhost_orphan_polled(struct vhost *vhost, const struct pollfd *pfd);

#endif
