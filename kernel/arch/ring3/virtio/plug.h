/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _RING3_VIRTIO_PLUG_H
#define _RING3_VIRTIO_PLUG_H

#include <linux/device.h>
#include <linux/init.h>
#include <linux/virtio.h>
#include <ring3/plug.h>

/* Takes devices in the slots from number @first on as they come, and lets them go. */
void __init r3_plug_start(struct device *parent, unsigned int first);

/* virtio_ring3.c */
struct r3_vdev *r3_vdev_page(unsigned int i);
/* The device whose page is filled. 0 with *vdev, or an error and nothing left of it. */
int r3_virtio_add(struct device *parent, unsigned int i, struct virtio_device **vdev);

#endif
