// SPDX-License-Identifier: GPL-2.0-or-later
/* Descriptors that change and change back while they are read. */
#include "lying.h"

static void scribble(struct target *t)
{
	struct vring_desc *d = lie_desc(t, bare_random(lie_queue(t)->size));
	struct vring_desc was = *d;

	switch (bare_random(4)) {
	case 0:
		bare_write(d->addr, was.addr ^ 1ULL << bare_random(64));
		break;
	case 1:
		bare_write(d->len, was.len ^ 1U << bare_random(32));
		break;
	case 2:
		bare_write(d->flags, was.flags ^ 1U << bare_random(4));
		break;
	case 3:
		bare_write(d->next, bare_random(lie_queue(t)->size * 2));
		break;
	}
	bare_write(d->addr, was.addr);
	bare_write(d->len, was.len);
	bare_write(d->flags, was.flags);
	bare_write(d->next, was.next);
}

static void tell(struct target *t)
{
	lie_race_rounds(scribble, t, lie_chain);
}

const struct lie lie_race_descriptors = {
	.name = "race descriptors",
	.to = TO_ALL,
	.answer = EITHER,
	.tell = tell,
};
