// SPDX-License-Identifier: GPL-2.0-or-later
/* Lengths far beyond all of memory. */
#include "lying.h"

static void tell(struct target *t)
{
	static const uint32_t len[] = { 0xffffffff, 0x80000000, 0xfffffff0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(len); i++) {
		uint16_t head = lie_chain(t);

		lie_desc(t, head)->len = len[i];
		lie_send(t, head);
		if (i + 1 < ARRAY_SIZE(len))
			lie_broke(t, "a giant length");
	}
}

const struct lie lie_length_giant = {
	.name = "length giant",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
