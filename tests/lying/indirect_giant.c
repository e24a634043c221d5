// SPDX-License-Identifier: GPL-2.0-or-later
/* An indirect table of 268 million entries. */
#include "lying.h"

static void tell(struct target *t)
{
	uint16_t head = lie_table(t, NULL, NULL);

	lie_desc(t, head)->len = 0xfffffff0;
	lie_send(t, head);
}

const struct lie lie_indirect_giant = {
	.name = "indirect giant",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
