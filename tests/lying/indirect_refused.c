// SPDX-License-Identifier: GPL-2.0-or-later
/* An indirect table by a driver that said it has none. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vring_desc *table;
	unsigned int n = 0, q;

	lie_holds(t, vdev_negotiate(t->v, t->v->offered & ~(1ULL << VIRTIO_RING_F_INDIRECT_DESC)),
		  "fewer features are fine");
	for (q = 0; q < t->v->nr_queues; q++)
		vdev_queue(t->v, q, 0);
	lie_holds(t, vdev_go(t->v), "it starts with fewer features");
	lie_send(t, lie_indirect(t, &table, &n));
}

const struct lie lie_indirect_refused = {
	.name = "indirect refused",
	.to = TO_RNG | TO_BLK | TO_TX | TO_CTL_TX | TO_NET_TX | TO_NET_CTL | TO_VSOCK_TX | TO_INFLATE,
	.answer = BREAKS,
	.unstarted = true,
	.tell = tell,
};
