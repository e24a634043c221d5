// SPDX-License-Identifier: GPL-2.0-or-later
/* An available entry beyond the descriptor table. */
#include "lying.h"

static void tell(struct target *t)
{
	lie_chain(t);
	lie_send(t, lie_queue(t)->size);
	lie_broke(t, "the first head beyond the table");
	lie_chain(t);
	lie_send(t, 0xffff);
}

const struct lie lie_head_beyond = {
	.name = "head beyond",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
