// SPDX-License-Identifier: GPL-2.0-or-later
/* Buffers where no memory is, or the monitor's own. */
#include "lying.h"

static void tell(struct target *t)
{
	const uint64_t outside[] = {
		bare_boot->ram_size, bare_boot->ram_size + 4096, R3_DIRECT_BASE, R3_SHARED_BASE,
		1ULL << 52, 1ULL << 63, (uint64_t)bare_boot,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(outside); i++) {
		uint16_t head = lie_chain(t);

		lie_desc(t, head)->addr = outside[i];
		lie_send(t, head);
		if (i + 1 < ARRAY_SIZE(outside))
			lie_broke(t, "an address outside memory");
	}
}

const struct lie lie_address_outside = {
	.name = "address outside",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
