// SPDX-License-Identifier: GPL-2.0-or-later
/* Control messages by chance. */
#include <linux/virtio_console.h>

#include "lying.h"

static void tell(struct target *t)
{
	struct vbuf buf = { t->buf, 0, false };
	unsigned int i, k;

	for (i = 0; i < 300; i++) {
		buf.len = sizeof(struct virtio_console_control) + bare_random(64);
		for (k = 0; k < buf.len; k++)
			t->buf[k] = bare_random(bare_random(2) ? 4 : 256);
		lie_holds(t, vdev_do(t->v, t->q, &buf, 1) == 0, "garbage is taken and ignored");
	}
}

const struct lie lie_console_garbage = {
	.name = "console garbage",
	.to = TO_CTL_TX,
	.answer = EITHER,
	.tell = tell,
};
