// SPDX-License-Identifier: GPL-2.0-or-later
/* No room for a message of the device. */
#include <linux/virtio_console.h>

#include "lying.h"

static void tell(struct target *t)
{
	static struct virtio_console_control ready;
	struct vbuf buf = { t->buf, sizeof(ready) - 1, true }, say = { &ready, sizeof(ready), false };
	unsigned int q;

	lie_holds(t, vdev_negotiate(t->v, t->v->offered), "it comes up");
	for (q = 0; q < t->v->nr_queues; q++)
		vdev_queue(t->v, q, 0);
	lie_holds(t, vdev_go(t->v), "it starts");
	lie_send(t, vq_chain(lie_queue(t), &buf, 1));
	ready = (struct virtio_console_control){ .event = VIRTIO_CONSOLE_DEVICE_READY, .value = 1 };
	vq_publish(&t->v->q[3], vq_chain(&t->v->q[3], &say, 1));
	vdev_kick(t->v, 3);
}

const struct lie lie_console_no_room = {
	.name = "console no room",
	.to = TO_CTL_RX,
	.answer = BREAKS,
	.unstarted = true,
	.tell = tell,
};
