// SPDX-License-Identifier: GPL-2.0-or-later
/* Nonsense where interrupts are asked for. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vq *q = lie_queue(t);
	unsigned int i;

	for (i = 0; i < 20; i++) {
		q->avail->flags = bare_random(65536);
		q->avail->ring[q->size] = bare_random(65536);
		q->used->flags = bare_random(65536);
		t->v->page->isr = bare_random(~0U);
		lie_holds(t, t->work(t->v), "it works whatever is asked of interrupts");
	}
}

const struct lie lie_interrupt_words = {
	.name = "interrupt words",
	.to = TO_DEVICES,
	.answer = STAYS,
	.tell = tell,
};
