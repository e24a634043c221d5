// SPDX-License-Identifier: GPL-2.0-or-later
/* An indirect table where no memory is. */
#include "lying.h"

static void tell(struct target *t)
{
	uint16_t head = lie_table(t, NULL, NULL);

	lie_desc(t, head)->addr = bare_boot->ram_size;
	lie_send(t, head);
	lie_broke(t, "a table behind memory");
	head = lie_table(t, NULL, NULL);
	lie_desc(t, head)->addr = ~0ULL - 15;
	lie_send(t, head);
}

const struct lie lie_indirect_outside = {
	.name = "indirect outside",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
