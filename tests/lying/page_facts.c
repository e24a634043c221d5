// SPDX-License-Identifier: GPL-2.0-or-later
/* The device's own facts in the page, written over. */
#include "lying.h"

static void tell(struct target *t)
{
	struct r3_vdev *p = t->v->page;

	p->magic = p->device_id = p->nr_queues = p->config_gen = ~0U;
	p->config_len = 1 << 20;
	p->kick_fd = -1;
	p->isr = ~0U;
	lie_stays(t, "other facts");
	lie_holds(t, t->work(t->v), "it works by what it knows");
	p->nr_queues = t->v->nr_queues;
	p->kick_fd = t->v->kick_fd;
}

const struct lie lie_page_facts = {
	.name = "page facts",
	.to = TO_DEVICES,
	.answer = STAYS,
	.tell = tell,
};
