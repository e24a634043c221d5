// SPDX-License-Identifier: GPL-2.0-or-later
/* Control numbers that come and go without waiting. */
#include <asm/unistd.h>

#include "lying.h"

static void tell(struct target *t)
{
	uint64_t one = 1;
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		bare_write(t->v->page->ctl_seq, bare_random(~0U));
		if (i % 8 == 0)
			bare_call3(__NR_write, t->v->kick_fd, &one, sizeof(one));
	}
	t->v->page->ctl_ack = 0;
	lie_stays(t, "a storm of control");
	lie_holds(t, t->work(t->v), "it works through it");
}

const struct lie lie_control_storm = {
	.name = "control storm",
	.to = TO_DEVICES,
	.answer = STAYS,
	.tell = tell,
};
