// SPDX-License-Identifier: GPL-2.0-or-later
/* Queues that the device does not have, set up and kicked. */
#include "lying.h"

static void tell(struct target *t)
{
	unsigned int i;

	lie_holds(t, vdev_negotiate(t->v, t->v->offered), "it comes up");
	vdev_queue(t->v, t->q, 0);
	for (i = t->v->nr_queues; i < R3_VDEV_QUEUES; i++) {
		t->v->page->queue[i] = t->v->page->queue[t->q];
		t->v->page->queue[i].size_max = 1024;
	}
	t->v->page->nr_queues = R3_VDEV_QUEUES;
	lie_holds(t, vdev_go(t->v), "it starts");
	for (i = 0; i < R3_VDEV_QUEUES; i++)
		vdev_kick(t->v, i);
}

const struct lie lie_queues_beyond = {
	.name = "queues beyond",
	.to = TO_DEVICES,
	.answer = STAYS,
	.unstarted = true,
	.tell = tell,
};
