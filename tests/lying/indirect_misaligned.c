// SPDX-License-Identifier: GPL-2.0-or-later
/* An indirect table at an odd address. */
#include "lying.h"

static void tell(struct target *t)
{
	uint16_t head = lie_table(t, NULL, NULL);

	lie_desc(t, head)->addr += 1;
	lie_send(t, head);
}

const struct lie lie_indirect_misaligned = {
	.name = "indirect misaligned",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
