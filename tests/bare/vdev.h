/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio driver for bare guests: rings and device page are there to be
 * written by hand; the calls are for when a test is done with lying.
 */
#ifndef R3_TEST_BARE_VDEV_H
#define R3_TEST_BARE_VDEV_H

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#include <ring3/vdev.h>

#include "bare.h"

#define VQ_WAIT_MS	5000		/* what takes longer has failed */

struct vq {
	unsigned int size;
	unsigned int room;		/* entries there is memory for; kept over resets */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t avail_idx;		/* as published */
	uint16_t used_seen;
	uint16_t next_desc;		/* descriptors are used round robin */
};

struct vdev {
	struct r3_vdev *page;
	unsigned int index;
	/* As the device said first: tests write over the page. */
	int kick_fd;
	unsigned int nr_queues;
	uint64_t offered;
	uint32_t size_max[R3_VDEV_QUEUES];
	uint64_t features;		/* negotiated */
	struct vq q[R3_VDEV_QUEUES];
};

/* A part of a chain. */
struct vbuf {
	void *p;
	uint32_t len;
	bool in;			/* the device writes it */
};

/* The @nth device of a kind, VIRTIO_ID_*, from 0. False: there is none. */
bool vdev_find(struct vdev *v, uint32_t id, unsigned int nth);

/* Announces a change of the page. False: not acknowledged in VQ_WAIT_MS. */
bool vdev_control(struct vdev *v);
bool vdev_status(struct vdev *v, uint32_t bits);
bool vdev_reset(struct vdev *v);
/* Up to FEATURES_OK. False: the device did not keep the bit. */
bool vdev_negotiate(struct vdev *v, uint64_t features);
/* Rings for queue @q of @size entries (0: the device's maximum), enabled. */
void vdev_queue(struct vdev *v, unsigned int q, unsigned int size);
/* DRIVER_OK. False: NEEDS_RESET. */
bool vdev_go(struct vdev *v);
/* Reset, all features but @without, all queues, DRIVER_OK. */
bool vdev_init(struct vdev *v, uint64_t without);
bool vdev_needs_reset(struct vdev *v);
/* Waits for it. */
bool vdev_broke(struct vdev *v, unsigned int ms);

/* Puts a chain into the descriptor table. Return: its head. */
uint16_t vq_chain(struct vq *q, const struct vbuf *buf, unsigned int n);
void vq_publish(struct vq *q, uint16_t head);
void vdev_kick(struct vdev *v, unsigned int q);
/* The next used chain. False: none in @ms. */
bool vq_used(struct vq *q, unsigned int ms, uint32_t *head, uint32_t *len);
/* All of it. Return: bytes the device wrote, or -1. */
long vdev_do(struct vdev *v, unsigned int q, const struct vbuf *buf, unsigned int n);

#endif
