/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The virtio transport between guest kernel and monitor: one page a device in
 * shared memory, kick by eventfd, interrupt by r3_boot.dev_pending. A queue that
 * another process serves has an eventfd of its own, which that process reads;
 * its kicks are not seen in "kicked".
 *
 * The driver changes status, driver_features or a queue, increments ctl_seq,
 * kicks, and waits (futex) until ctl_ack equals it: then the device has acted.
 * Queues are split virtqueues (virtio 1.2, section 2.7), little endian.
 */
#ifndef _RING3_VDEV_H
#define _RING3_VDEV_H

#define R3_VDEV_MAGIC		0x76336e72
#define R3_VDEV_MAX		32
#define R3_VDEV_QUEUES		64
#define R3_VDEV_CONFIG		512

#define R3_VDEV_ISR_QUEUE	1
#define R3_VDEV_ISR_CONFIG	2

#ifndef __ASSEMBLY__
#include <linux/types.h>

struct r3_vqueue {
	__u32 size_max;			/* 0: no such queue */
	__u32 size;			/* by the driver, power of two */
	__u64 desc;			/* gpa */
	__u64 driver;			/* gpa of the available ring */
	__u64 device;			/* gpa of the used ring */
	__u32 enabled;
	__s32 kick_fd;			/* eventfd of this queue's own; -1: the device's */
};

struct r3_vdev {
	__u32 magic;
	__u32 device_id;		/* virtio device id */
	__u64 features;			/* offered */
	__u64 driver_features;		/* accepted */
	__u32 status;
	__u32 nr_queues;
	__u32 config_gen;		/* odd while the device writes config */
	__u32 config_len;
	__s32 kick_fd;			/* eventfd */
	__u32 isr;			/* R3_VDEV_ISR_*, atomic */
	__u64 kicked;			/* a bit a queue, atomic; set before the write to kick_fd */
	__u32 ctl_seq;			/* by the driver */
	__u32 ctl_ack;			/* by the device; futex word */
	__u8  reserved[56];
	__u8  config[R3_VDEV_CONFIG];
	struct r3_vqueue queue[R3_VDEV_QUEUES];
};

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(struct r3_vqueue) == 40, "queue size");
_Static_assert(sizeof(struct r3_vdev) <= 4096, "a device is a page");
#endif
#endif
#endif
