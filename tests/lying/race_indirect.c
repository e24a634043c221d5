// SPDX-License-Identifier: GPL-2.0-or-later
/* An indirect table that changes while it is read. */
#include "lying.h"

static void scribble(struct target *t)
{
	volatile struct vring_desc *d = (void *)(t->buf + 16384);
	unsigned int i = bare_random(4);

	d[i].addr = bare_random(2) ? bare_gpa(t->buf) : ~0ULL >> bare_random(64);
	d[i].len = bare_random(2) ? 64 : 1U << bare_random(32);
	d[i].flags = bare_random(8);
	d[i].next = bare_random(8);
}

static void tell(struct target *t)
{
	unsigned int i;

	lie_race(scribble, t);
	for (i = 0; i < RACE_ROUNDS; i++) {
		struct vring_desc *table;
		unsigned int n = 4;

		lie_send(t, lie_indirect(t, &table, &n));
		if (vdev_needs_reset(t->v) && !(vdev_reset(t->v) && t->start(t->v)))
			break;
	}
	lie_calm();
}

const struct lie lie_race_indirect = {
	.name = "race indirect",
	.to = TO_ALL,
	.answer = EITHER,
	.tell = tell,
};
