// SPDX-License-Identifier: GPL-2.0-or-later
/* Buffers whose end wraps round to a small address. */
#include "lying.h"

static void tell(struct target *t)
{
	static const uint64_t addr[] = { ~0ULL, ~0ULL - 4095, ~0ULL - 0xffffffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(addr); i++) {
		uint16_t head = lie_chain(t);

		lie_desc(t, head)->addr = addr[i];
		lie_desc(t, head)->len = 8192;
		lie_send(t, head);
		if (i + 1 < ARRAY_SIZE(addr))
			lie_broke(t, "a buffer round the end of all addresses");
	}
}

const struct lie lie_address_wraps = {
	.name = "address wraps",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
