// SPDX-License-Identifier: GPL-2.0-or-later
/* Megabytes of output at once, and a reset before they are out. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vbuf buf = { t->buf, 65536, false };
	unsigned int i;

	/* More than anybody takes at once: it waits, and the others do not. */
	memset(t->buf, 'f', 65536);
	for (i = 0; i < lie_queue(t)->size; i++)
		vq_publish(lie_queue(t), vq_chain(lie_queue(t), &buf, 1));
	vdev_kick(t->v, t->q);
}

const struct lie lie_console_floods = {
	.name = "console floods",
	.to = TO_TX,
	.answer = STAYS,
	.tell = tell,
};
