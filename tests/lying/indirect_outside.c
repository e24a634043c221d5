// SPDX-License-Identifier: GPL-2.0-or-later
/* An indirect table where no memory is. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vring_desc *table;
	unsigned int n = 0;
	uint16_t head = lie_indirect(t, &table, &n);

	lie_desc(t, head)->addr = bare_boot->ram_size;
	lie_send(t, head);
	lie_broke(t, "a table behind memory");
	n = 0;
	head = lie_indirect(t, &table, &n);
	lie_desc(t, head)->addr = ~0ULL - 15;
	lie_send(t, head);
}

const struct lie lie_indirect_outside = {
	.name = "indirect outside",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
