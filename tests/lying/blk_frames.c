// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests without all of a header, or without a status. */
#include "lying.h"

static void tell(struct target *t)
{
	struct vbuf buf[] = { { t->buf, 8, false }, { t->buf + 512, 512, true }, { t->buf + 2048, 1, true } };

	memset(t->buf, 0, 16);
	lie_send(t, vq_chain(lie_queue(t), buf, 3));
	lie_broke(t, "half a header");
	buf[0].len = 16;
	lie_send(t, vq_chain(lie_queue(t), buf, 1));
	lie_broke(t, "no place for the status");
	lie_send(t, vq_chain(lie_queue(t), buf + 1, 2));
}

const struct lie lie_blk_frames = {
	.name = "blk frames",
	.to = TO_BLK,
	.answer = BREAKS,
	.tell = tell,
};
