// SPDX-License-Identifier: GPL-2.0-or-later
/* A control message cut short. */
#include <linux/virtio_console.h>

#include "lying.h"

static void tell(struct target *t)
{
	struct vbuf buf = { t->buf, sizeof(struct virtio_console_control) - 1, false };

	memset(t->buf, 0, 64);
	lie_send(t, vq_chain(lie_queue(t), &buf, 1));
}

const struct lie lie_console_short = {
	.name = "console short",
	.to = TO_CTL_TX,
	.answer = BREAKS,
	.tell = tell,
};
