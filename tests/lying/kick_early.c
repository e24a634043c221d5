// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests and kicks before DRIVER_OK. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vq *q = lie_queue(t);

	vdev_kick(t->v, t->q);
	lie_holds(t, vdev_control(t->v), "it answers before anything was set up");
	lie_holds(t, vdev_negotiate(t->v, t->v->offered), "it comes up");
	vdev_kick(t->v, t->q);
	vdev_queue(t->v, t->q, 0);
	lie_send(t, lie_chain(t));
	lie_holds(t, vdev_control(t->v), "it answers before DRIVER_OK");
	lie_holds(t, !bare_read(q->used->idx), "it does nothing before DRIVER_OK");
}

const struct lie lie_kick_early = {
	.name = "kick early",
	.to = TO_ALL,
	.answer = STAYS,
	.unstarted = true,
	.tell = tell,
};
