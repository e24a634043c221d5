// SPDX-License-Identifier: GPL-2.0-or-later
/* Readable where writable is due, and the other way round. */
#include "lying.h"

static void tell(struct target *t)
{
	uint16_t head = lie_chain(t), i = head;

	for (;;) {
		struct vring_desc *d = lie_desc(t, i);

		d->flags ^= VRING_DESC_F_WRITE;
		if (!(d->flags & VRING_DESC_F_NEXT))
			break;
		i = d->next;
	}
	lie_send(t, head);
	vdev_control(t->v);
}

const struct lie lie_direction = {
	.name = "direction",
	.to = TO_ALL,
	.answer = EITHER,
	.tell = tell,
};
