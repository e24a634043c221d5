// SPDX-License-Identifier: GPL-2.0-or-later
/* An indirect chain of more parts than any may have. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vring_desc *table;
	unsigned int n = 1024;

	lie_send(t, lie_indirect(t, &table, &n));
}

const struct lie lie_indirect_long = {
	.name = "indirect long",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
