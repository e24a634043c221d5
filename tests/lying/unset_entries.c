// SPDX-License-Identifier: GPL-2.0-or-later
/* Available entries that point to empty descriptors. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vq *q = lie_queue(t);

	/* The queue is said to be full of chains that nobody wrote. */
	memset(q->avail->ring, 0, 2 * q->size);
	bare_write(q->avail->idx, (uint16_t)(q->avail_idx + q->size / 2));
	vdev_kick(t->v, t->q);
	vdev_control(t->v);
}

const struct lie lie_unset_entries = {
	.name = "unset entries",
	.to = TO_ALL,
	.answer = EITHER,
	.tell = tell,
};
