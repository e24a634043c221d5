// SPDX-License-Identifier: GPL-2.0-or-later
/* An indirect table that is not a whole number of entries. */
#include "lying.h"

static void tell(struct target *t)
{
	uint16_t head = lie_table(t, NULL, NULL);

	lie_desc(t, head)->len += 1;
	lie_send(t, head);
	lie_broke(t, "a table of 17 bytes and more");
	head = lie_table(t, NULL, NULL);
	lie_desc(t, head)->len = 8;
	lie_send(t, head);
}

const struct lie lie_indirect_odd = {
	.name = "indirect odd",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
