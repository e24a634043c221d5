// SPDX-License-Identifier: GPL-2.0-or-later
/* A buffer that begins inside memory and ends outside. */
#include "lying.h"

static void tell(struct target *t)
{
	uint16_t head = lie_chain(t);

	lie_desc(t, head)->addr = bare_boot->ram_size - 1;
	lie_desc(t, head)->len = 4096;
	lie_send(t, head);
}

const struct lie lie_address_straddles = {
	.name = "address straddles",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
