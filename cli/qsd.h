/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks that qemu-storage-daemon serves: images of other formats than raw. */
#ifndef R3_QSD_H
#define R3_QSD_H

#include "qimage.h"
#include "vhosts.h"

/**
 * qsd_add() - have a disk of vm's served by a process of its own
 * @disk: its place in vm
 * @img: what it is made of; moved, closed with the guest
 * @queues: requests that wait apart from each other
 * @lossy: nobody keeps what is written: a flush need not reach the host's disk
 */
int qsd_add(struct vhosts *v, int disk, struct qimage *img, unsigned int queues, bool lossy, struct r3_err *err);

#endif
