// SPDX-License-Identifier: GPL-2.0-or-later
/* A descriptor of no bytes. */
#include "lying.h"

static void tell(struct target *t)
{
	uint16_t head = lie_chain(t);

	lie_desc(t, head)->len = 0;
	lie_send(t, head);
}

const struct lie lie_length_zero = {
	.name = "length zero",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
