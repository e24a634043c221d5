/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _RING3_VIRTIO_BROKEN_H
#define _RING3_VIRTIO_BROKEN_H

#include <linux/virtio.h>

/*
 * Ends what waits for a device that will not answer any more: requests of a disk
 * fail. The queues are marked broken already, so nothing new is added. May sleep.
 */
#ifdef CONFIG_BLOCK
void r3_fail_requests(struct virtio_device *vdev);
#else
static inline void r3_fail_requests(struct virtio_device *vdev)
{
}
#endif

#endif
