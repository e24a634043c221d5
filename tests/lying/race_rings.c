// SPDX-License-Identifier: GPL-2.0-or-later
/* Indices and entries of both rings that change all the time. */
#include "lying.h"

static void scribble(struct target *t)
{
	struct vq *q = lie_queue(t);
	uint16_t size = q->size;

	bare_write(q->avail->idx, (uint16_t)bare_random(65536));
	bare_write(q->avail->flags, (uint16_t)bare_random(65536));
	bare_write(q->avail->ring[bare_random(size + 1)], (uint16_t)bare_random(size * 2));
	bare_write(q->used->idx, (uint16_t)bare_random(65536));
	bare_write(q->used->ring[bare_random(size)].id, bare_random(~0U));
	bare_write(q->avail->idx, q->avail_idx);
}

static void tell(struct target *t)
{
	lie_race_rounds(scribble, t, lie_chain);
}

const struct lie lie_race_rings = {
	.name = "race rings",
	.to = TO_ALL,
	.answer = EITHER,
	.tell = tell,
};
