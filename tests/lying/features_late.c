// SPDX-License-Identifier: GPL-2.0-or-later
/* Features changed when all was agreed. */
#include "lying.h"

static void tell(struct target *t)
{
	t->v->page->features = ~0ULL;
	t->v->page->driver_features = ~0ULL;
	lie_stays(t, "all features behind its back");
	t->v->page->driver_features = 0;
	lie_stays(t, "no feature behind its back");
	lie_holds(t, t->work(t->v), "it works as before");
}

const struct lie lie_features_late = {
	.name = "features late",
	.to = TO_DEVICES,
	.answer = STAYS,
	.tell = tell,
};
