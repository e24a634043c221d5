// SPDX-License-Identifier: GPL-2.0-or-later
/* The queue full of the largest frames, again and again, and a reset before they are out. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vbuf buf = { t->buf, 12 + 65500, false };
	unsigned int i, k;

	memset(t->buf, 0, 65536);
	for (k = 0; k < 4; k++) {
		for (i = 0; i < lie_queue(t)->size; i++)
			vq_publish(lie_queue(t), vq_chain(lie_queue(t), &buf, 1));
		vdev_kick(t->v, t->q);
		lie_holds(t, vdev_reset(t->v) && t->start(t->v), "it starts again");
	}
	for (i = 0; i < lie_queue(t)->size; i++)
		vq_publish(lie_queue(t), vq_chain(lie_queue(t), &buf, 1));
	vdev_kick(t->v, t->q);
}

const struct lie lie_net_floods = {
	.name = "net floods",
	.to = TO_NET_TX,
	.answer = STAYS,
	.tell = tell,
};
