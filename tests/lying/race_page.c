// SPDX-License-Identifier: GPL-2.0-or-later
/* A device page that somebody scribbles over. */
#include <asm/unistd.h>

#include "lying.h"

static void scribble(struct target *t)
{
	char *page = (char *)t->v->page;

	/* All of it: status, features, queues, kicks, acknowledgements, configuration. */
	bare_write(page[bare_random(4096)], (char)bare_random(256));
	bare_write(t->v->page->status, bare_random(256));
}

static void tell(struct target *t)
{
	unsigned int i;

	lie_race(scribble, t);
	for (i = 0; i < RACE_ROUNDS; i++) {
		uint64_t one = 1;

		lie_send(t, lie_chain(t));
		t->v->page->ctl_seq++;
		bare_call3(__NR_write, t->v->kick_fd, &one, sizeof(one));
		if (i % 16 == 0)
			bare_call1(__NR_sched_yield, 0);
	}
	lie_calm();
}

const struct lie lie_race_page = {
	.name = "race page",
	.to = TO_DEVICES,
	.answer = EITHER,
	.tell = tell,
};
