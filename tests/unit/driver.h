/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio driver for tests: plays the guest against a device of the monitor,
 * over rings in a memfd. Well-behaved unless told otherwise; the raw rings are
 * there for tests that lie.
 */
#ifndef R3_TEST_DRIVER_H
#define R3_TEST_DRIVER_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dev/dev.h"
#include "mem/mem.h"

#define DRV_MEM		(16u << 20)
#define DRV_WAIT_MS	10000		/* what takes longer has failed */

struct drv_queue {
	unsigned int size;
	gpa_t desc_gpa, avail_gpa, used_gpa;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t *avail_event;
	uint16_t avail_idx;		/* as published */
	uint16_t used_seen;
	uint16_t kicked_idx;
	uint16_t next_desc;		/* descriptors are used round robin */
};

struct drv {
	struct guest_mem mem;
	gpa_t free;			/* next free byte of memory */
	struct r3_vdev *page;
	struct dev *dev;
	int irq_fd;
	int kick_fd[R3_VDEV_QUEUES];	/* of queues that others serve, else -1 */
	unsigned int irqs;		/* atomic */
	uint64_t features;		/* negotiated */
	struct drv_queue q[R3_VDEV_QUEUES];
};

/* A part of a chain: @len bytes at @gpa. */
struct drv_buf {
	gpa_t gpa;
	uint32_t len;
	bool in;			/* the device writes it */
};

/* Memory, and @dev started. The driver has done nothing yet. */
void drv_start(struct drv *d, struct dev *dev);
/* Stops and destroys the device. */
void drv_stop(struct drv *d, int drain_ms);

gpa_t drv_alloc(struct drv *d, size_t len, size_t align);
void *drv_ptr(struct drv *d, gpa_t gpa);

/* Tells the device that something in its page changed, waits for the answer. */
bool drv_control(struct drv *d);
/* Reset, features, all queues, DRIVER_OK. @mask: features not to accept. */
bool drv_init(struct drv *d, uint64_t mask);
/* The same in steps. */
void drv_reset(struct drv *d);
bool drv_negotiate(struct drv *d, uint64_t features);
void drv_setup_queue(struct drv *d, unsigned int q);
void drv_set_status(struct drv *d, uint32_t bits);

/* Makes a chain of @n parts available. Return: its head. */
uint16_t drv_add(struct drv *d, unsigned int q, const struct drv_buf *buf,
		 unsigned int n, bool indirect);
/* Publishes descriptor @head as available. */
void drv_publish(struct drv *d, unsigned int q, uint16_t head);
/* Kicks if the device asked for it. Return: whether it did. */
bool drv_kick(struct drv *d, unsigned int q);
void drv_force_kick(struct drv *d, unsigned int q);
/* Waits for the next used chain. Return: false if none comes in @ms. */
bool drv_used(struct drv *d, unsigned int q, int ms, uint16_t *head,
	      uint32_t *len);
/* drv_add, drv_kick, drv_used; fails the test program if nothing comes back. */
uint32_t drv_do(struct drv *d, unsigned int q, const struct drv_buf *buf,
		unsigned int n, bool indirect);
/* Waits until the device says NEEDS_RESET. */
bool drv_needs_reset(struct drv *d);

#endif
