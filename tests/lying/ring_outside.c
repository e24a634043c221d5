// SPDX-License-Identifier: GPL-2.0-or-later
/* Rings that are not, or not all, in memory. */
#include "lying.h"

static void tell(struct target *t)
{
	struct r3_vqueue *pq = &t->v->page->queue[t->q];
	const uint64_t value[] = { bare_boot->ram_size, bare_boot->ram_size - 16, ~0ULL - 15, 1ULL << 63, R3_SHARED_BASE };
	unsigned int i, which;

	for (i = 0; i < ARRAY_SIZE(value); i++) {
		for (which = 0; which < 3; which++) {
			lie_holds(t, vdev_reset(t->v) && vdev_negotiate(t->v, t->v->offered), "it comes up");
			vdev_queue(t->v, t->q, 0);
			*(which == 0 ? &pq->desc : which == 1 ? &pq->driver : &pq->device) = value[i];
			vdev_go(t->v);
			lie_holds(t, vdev_broke(t->v, 3000), "a ring outside memory is noticed");
		}
	}
}

const struct lie lie_ring_outside = {
	.name = "ring outside",
	.to = TO_ALL,
	.answer = BREAKS,
	.unstarted = true,
	.tell = tell,
};
