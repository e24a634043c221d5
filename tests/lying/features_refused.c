// SPDX-License-Identifier: GPL-2.0-or-later
/* Features that were not offered. */
#include "lying.h"

static void tell(struct target *t)
{
	unsigned int bit, q;

	for (bit = 0; bit < 64; bit++) {
		if (t->v->offered >> bit & 1)
			continue;
		lie_holds(t, vdev_reset(t->v), "it resets");
		lie_holds(t, !vdev_negotiate(t->v, t->v->offered | 1ULL << bit), "what was not offered is not accepted");
	}
	lie_holds(t, vdev_reset(t->v), "it resets");
	lie_holds(t, !vdev_negotiate(t->v, t->v->offered & ~(1ULL << VIRTIO_F_VERSION_1)), "nor a driver of old");
	/* And on without the device's consent. */
	for (q = 0; q < t->v->nr_queues; q++)
		vdev_queue(t->v, q, 0);
	vdev_go(t->v);
	lie_send(t, lie_chain(t));
	lie_holds(t, vdev_control(t->v) && !bare_read(lie_queue(t)->used->idx), "without them it does nothing");
}

const struct lie lie_features_refused = {
	.name = "features refused",
	.to = TO_DEVICES,
	.answer = STAYS,
	.unstarted = true,
	.tell = tell,
};
