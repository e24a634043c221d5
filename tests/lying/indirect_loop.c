// SPDX-License-Identifier: GPL-2.0-or-later
/* An indirect table that goes round. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vring_desc *table;
	unsigned int n;
	uint16_t head = lie_table(t, &table, &n);

	table[n - 1].flags |= VRING_DESC_F_NEXT;
	table[n - 1].next = 0;
	lie_send(t, head);
}

const struct lie lie_indirect_loop = {
	.name = "indirect loop",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
