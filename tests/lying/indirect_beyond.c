// SPDX-License-Identifier: GPL-2.0-or-later
/* An indirect table whose chain goes on behind it. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vring_desc *table;
	unsigned int n;
	uint16_t head = lie_table(t, &table, &n);

	table[0].flags |= VRING_DESC_F_NEXT;
	table[0].next = n;
	lie_send(t, head);
}

const struct lie lie_indirect_beyond = {
	.name = "indirect beyond",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
