// SPDX-License-Identifier: GPL-2.0-or-later
/* A chain that never ends. */
#include "lying.h"

static void tell(struct target *t)
{
	uint16_t head = lie_chain(t), second = (head + 1) % lie_queue(t)->size;
	struct vring_desc *d = lie_desc(t, head);

	/* On to itself, and round in two. */
	d->flags |= VRING_DESC_F_NEXT;
	d->next = head;
	lie_send(t, head);
	lie_broke(t, "a descriptor that follows itself");

	head = lie_chain(t);
	second = (head + 1) % lie_queue(t)->size;
	d = lie_desc(t, head);
	d->flags |= VRING_DESC_F_NEXT;
	d->next = second;
	*lie_desc(t, second) = *d;
	lie_desc(t, second)->next = head;
	lie_send(t, head);
}

const struct lie lie_loop = {
	.name = "loop",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
