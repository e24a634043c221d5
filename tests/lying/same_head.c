// SPDX-License-Identifier: GPL-2.0-or-later
/* The same chain many times at once. */
#include "lying.h"

static void tell(struct target *t)
{
	uint16_t head = lie_chain(t);
	unsigned int i;

	for (i = 0; i < lie_queue(t)->size; i++)
		vq_publish(lie_queue(t), head);
	vdev_kick(t->v, t->q);
	vdev_control(t->v);
}

const struct lie lie_same_head = {
	.name = "same head",
	.to = TO_ALL,
	.answer = EITHER,
	.tell = tell,
};
