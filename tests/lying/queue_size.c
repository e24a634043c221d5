// SPDX-License-Identifier: GPL-2.0-or-later
/* Queue sizes of 0, no power of two, beyond the device's, giant. */
#include "lying.h"

static void tell(struct target *t)
{
	static const uint32_t value[] = { 0, 3, 7, 127, 1000, 1024, 2048, 65536, 0x10001, 0x80000000, 0xffffffff };
	struct r3_vqueue *pq = &t->v->page->queue[t->q];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(value); i++) {
		lie_holds(t, vdev_reset(t->v) && vdev_negotiate(t->v, t->v->offered), "it comes up");
		vdev_queue(t->v, t->q, 0);
		pq->size = value[i];
		vdev_go(t->v);
		lie_holds(t, vdev_broke(t->v, 3000), "an impossible size is noticed");
	}
}

const struct lie lie_queue_size = {
	.name = "queue size",
	.to = TO_ALL,
	.answer = BREAKS,
	.unstarted = true,
	.tell = tell,
};
