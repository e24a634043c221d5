// SPDX-License-Identifier: GPL-2.0-or-later
/* A queue moved while it is in use. */
#include "lying.h"

static void tell(struct target *t)
{
	struct r3_vqueue *pq = &t->v->page->queue[t->q], was = *pq;

	pq->size = 3;
	pq->desc = pq->driver = pq->device = ~0ULL;
	lie_stays(t, "another queue behind its back");
	lie_holds(t, t->work(t->v), "it works with the queue it had");
	*pq = was;
}

const struct lie lie_queue_late = {
	.name = "queue late",
	.to = TO_DEVICES,
	.answer = STAYS,
	.tell = tell,
};
