// SPDX-License-Identifier: GPL-2.0-or-later
/* A chain that goes on beyond the descriptor table. */
#include "lying.h"

static void tell(struct target *t)
{
	static const uint16_t next[] = { 0, 1, 0x7fff, 0xffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(next); i++) {
		uint16_t head = lie_chain(t);
		struct vring_desc *d = lie_desc(t, head);

		d->flags |= VRING_DESC_F_NEXT;
		d->next = next[i] < 2 ? lie_queue(t)->size + next[i] : next[i];
		lie_send(t, head);
		if (i + 1 < ARRAY_SIZE(next))
			lie_broke(t, "a next beyond the table");
	}
}

const struct lie lie_next_beyond = {
	.name = "next beyond",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
