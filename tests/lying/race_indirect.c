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

static uint16_t table_of_four(struct target *t)
{
	struct vring_desc *table;
	unsigned int n = 4;

	return lie_indirect(t, &table, &n);
}

static void tell(struct target *t)
{
	lie_race_rounds(scribble, t, table_of_four);
}

const struct lie lie_race_indirect = {
	.name = "race indirect",
	.to = TO_ALL,
	.answer = EITHER,
	.tell = tell,
};
