// SPDX-License-Identifier: GPL-2.0-or-later
/* Kicks without end, of queues with nothing in them and of none. */
#include <asm/unistd.h>

#include "lying.h"

static void tell(struct target *t)
{
	uint64_t full = ~0ULL - 1;
	unsigned int i;

	/* A counter that is full blocks whoever adds to it; it must not be the device. */
	for (i = 0; i < 1000; i++)
		bare_call3(__NR_write, t->v->kick_fd, &full, i % 2 ? 8 : 4);
	for (i = 0; i < 1000; i++) {
		__atomic_store_n(&t->v->page->kicked, ~0ULL, __ATOMIC_SEQ_CST);
		full = 1;
		bare_call3(__NR_write, t->v->kick_fd, &full, sizeof(full));
	}
	lie_stays(t, "a storm of kicks");
	lie_holds(t, t->work(t->v), "it works through it");
}

const struct lie lie_kick_storm = {
	.name = "kick storm",
	.to = TO_DEVICES,
	.answer = STAYS,
	.tell = tell,
};
