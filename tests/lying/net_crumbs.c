// SPDX-License-Identifier: GPL-2.0-or-later
/* Receive buffers as small as may be, so that each frame takes many; in parts of a byte. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vq *q = lie_queue(t);
	struct vring_desc *table;
	unsigned int i, k, n = 12;
	uint16_t head;

	for (i = 0; i + 1 < q->size; i++) {
		struct vbuf buf = { t->buf + 16 * i, 12 + i % 3, true };

		vq_publish(q, vq_chain(q, &buf, 1));
	}
	vdev_kick(t->v, t->q);
	/* Frames of 42 bytes: header and frame are at least four of them. */
	for (i = 0; i < 4; i++)
		lie_holds(t, vq_used(q, VQ_WAIT_MS, NULL, NULL), "it fills them");
	lie_stays(t, "small buffers");
	lie_holds(t, vdev_reset(t->v) && t->start(t->v), "it starts again");
	head = lie_indirect(t, &table, &n);
	for (i = 0; i < n; i++)
		table[i].len = 1;
	for (k = 0; k < 6; k++)
		vq_publish(q, head);
	vdev_kick(t->v, t->q);
	lie_holds(t, vq_used(q, VQ_WAIT_MS, NULL, NULL), "it fills parts of a byte");
}

const struct lie lie_net_crumbs = {
	.name = "net crumbs",
	.to = TO_NET_RX,
	.answer = STAYS,
	.tell = tell,
};
