// SPDX-License-Identifier: GPL-2.0-or-later
/* All three rings at the same place. */
#include "lying.h"

static void tell(struct target *t)
{
	struct r3_vqueue *pq = &t->v->page->queue[t->q];
	unsigned int i;

	lie_holds(t, vdev_negotiate(t->v, t->v->offered), "it comes up");
	vdev_queue(t->v, t->q, 0);
	pq->driver = pq->device = pq->desc;
	vdev_go(t->v);
	for (i = 0; i < 20; i++) {
		uint16_t *p = (void *)lie_queue(t)->desc;

		p[0] = p[2] = p[3] = 0;
		p[1] = i;
		vdev_kick(t->v, t->q);
		vdev_control(t->v);
	}
}

const struct lie lie_rings_overlap = {
	.name = "rings overlap",
	.to = TO_ALL,
	.answer = EITHER,
	.unstarted = true,
	.tell = tell,
};
