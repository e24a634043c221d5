// SPDX-License-Identifier: GPL-2.0-or-later
/* An available index ahead by more than the queue holds, or behind. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vq *q = lie_queue(t);
	const uint16_t by[] = { q->size + 1, 0x8000, 0xffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(by); i++) {
		uint16_t seen = q->avail_idx;

		/* For control rx what was given before may still lie there: beyond that too. */
		bare_write(q->avail->idx, (uint16_t)(seen + by[i]));
		vdev_kick(t->v, t->q);
		if (i + 1 < ARRAY_SIZE(by))
			lie_broke(t, "an available index that jumps");
	}
}

const struct lie lie_avail_jumps = {
	.name = "avail jumps",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
