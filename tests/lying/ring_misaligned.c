// SPDX-License-Identifier: GPL-2.0-or-later
/* Rings at odd addresses. */
#include "lying.h"

static void tell(struct target *t)
{
	struct r3_vqueue *pq = &t->v->page->queue[t->q];
	unsigned int which;

	for (which = 0; which < 3; which++) {
		lie_holds(t, vdev_reset(t->v) && vdev_negotiate(t->v, t->v->offered), "it comes up");
		vdev_queue(t->v, t->q, 0);
		*(which == 0 ? &pq->desc : which == 1 ? &pq->driver : &pq->device) += 1;
		vdev_go(t->v);
		lie_holds(t, vdev_broke(t->v, 3000), "a ring at an odd address is noticed");
	}
}

const struct lie lie_ring_misaligned = {
	.name = "ring misaligned",
	.to = TO_ALL,
	.answer = BREAKS,
	.unstarted = true,
	.tell = tell,
};
