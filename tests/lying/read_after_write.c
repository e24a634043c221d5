// SPDX-License-Identifier: GPL-2.0-or-later
/* A part to be read behind one to be written. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vbuf buf[] = { { t->buf, 64, true }, { t->buf + 64, 64, false }, { t->buf + 128, 64, true } };

	lie_send(t, vq_chain(lie_queue(t), buf, 3));
}

const struct lie lie_read_after_write = {
	.name = "read after write",
	.to = TO_ALL,
	.answer = BREAKS,
	.tell = tell,
};
