// SPDX-License-Identifier: GPL-2.0-or-later
/* Buffers on each other, and on the rings they are described in. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vq *q = lie_queue(t);
	void *const on[] = { q->desc, q->avail, q->used, bare_ptr(R3_IMAGE_GPA) };
	unsigned int i;

	/* What is read is what is written, and the ring itself: the guest's own loss. */
	for (i = 0; i < 3; i++) {
		struct vbuf buf[] = {
			{ on[i], 64, false }, { on[i], 64, false }, { on[i], 512, true }, { on[i], 512, true },
		};
		unsigned int first = t->kind & (TO_RNG | TO_RX | TO_CTL_RX | TO_NET_RX | TO_VSOCK_RX) ? 2 : 0;

		lie_send(t, vq_chain(q, buf + first, t->kind & (TO_TX | TO_CTL_TX | TO_NET_TX | TO_VSOCK_TX | TO_INFLATE) ? 2 : 4 - first));
		vdev_control(t->v);
		lie_holds(t, vdev_reset(t->v) && t->start(t->v), "it starts again after buffers on its rings");
	}
}

const struct lie lie_overlapping = {
	.name = "overlapping",
	.to = TO_ALL,
	.answer = EITHER,
	.tell = tell,
};
