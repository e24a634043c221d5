// SPDX-License-Identifier: GPL-2.0-or-later
/* An indirect table that another descriptor follows. */
#include "lying.h"

static void tell(struct target *t)
{
	uint16_t head = lie_table(t, NULL, NULL);

	lie_desc(t, head)->flags |= VRING_DESC_F_NEXT;
	lie_desc(t, head)->next = (head + 1) % lie_queue(t)->size;
	lie_send(t, head);
}

const struct lie lie_indirect_and_next = {
	.name = "indirect and next",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
