// SPDX-License-Identifier: GPL-2.0-or-later
/* An indirect table in an indirect table. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vring_desc *table;
	uint16_t head = lie_table(t, &table, NULL);

	table[0].addr = bare_gpa(table);
	table[0].len = 16;
	table[0].flags = VRING_DESC_F_INDIRECT;
	lie_send(t, head);
}

const struct lie lie_indirect_nested = {
	.name = "indirect nested",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
