/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks that qemu-storage-daemon serves: images of other formats than raw. */
#ifndef R3_QSD_H
#define R3_QSD_H

#include "qimage.h"
#include "vhosts.h"

struct qsd_how {
	unsigned int queues;		/* for requests that wait apart from each other */
	uint64_t rate, iops;		/* bytes and requests a second; 0: without bound */
	bool lossy;			/* nobody keeps what is written: a flush need not reach the host's disk */
};

/**
 * qsd_add() - have a disk of vm's served by a process of its own
 * @disk: its place in vm
 * @img: what it is made of; moved, closed with the guest
 */
int qsd_add(struct vhosts *v, int disk, struct qimage *img, const struct qsd_how *how, struct r3_err *err);

#endif
