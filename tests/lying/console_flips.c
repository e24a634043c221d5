// SPDX-License-Identifier: GPL-2.0-or-later
/* Ports that open, close and come and go all the time. */
#include <linux/virtio_console.h>

#include "lying.h"

static void tell(struct target *t)
{
	static struct virtio_console_control message;
	struct vbuf buf = { &message, sizeof(message), false };
	unsigned int i;

	for (i = 0; i < 300; i++) {
		message.id = i % 2;
		message.event = i % 3 ? VIRTIO_CONSOLE_PORT_OPEN : VIRTIO_CONSOLE_PORT_READY;
		message.value = i / 2 % 2;
		/* The agent's port stays as it is: closing it is for good. */
		if (message.id && !message.value)
			continue;
		lie_holds(t, vdev_do(t->v, t->q, &buf, 1) == 0, "each is taken");
	}
	lie_stays(t, "ports that open and close all the time");
}

const struct lie lie_console_flips = {
	.name = "console flips",
	.to = TO_CTL_TX,
	.answer = STAYS,
	.tell = tell,
};
