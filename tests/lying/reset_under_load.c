// SPDX-License-Identifier: GPL-2.0-or-later
/* Resets while requests come in. */
#include "lying.h"

static void scribble(struct target *t)
{
	/* Whatever state it is in. */
	lie_send(t, bare_random(lie_queue(t)->size));
}

static void tell(struct target *t)
{
	unsigned int i;

	lie_race(scribble, t);
	for (i = 0; i < 50; i++) {
		lie_holds(t, vdev_reset(t->v), "a reset is acknowledged");
		lie_holds(t, vdev_negotiate(t->v, t->v->offered), "features are");
		vdev_queue(t->v, t->q, 0);
		lie_chain(t);
		lie_chain(t);
		vdev_go(t->v);
	}
	lie_calm();
}

const struct lie lie_reset_under_load = {
	.name = "reset under load",
	.to = TO_ALL,
	.answer = EITHER,
	.tell = tell,
};
