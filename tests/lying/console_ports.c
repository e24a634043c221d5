// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages about ports that are not. */
#include <linux/virtio_console.h>

#include "lying.h"

static void tell(struct target *t)
{
	static const uint32_t port[] = { 2, 3, 30, 31, 32, 0x7fffffff, 0x80000000, 0xffffffff };
	static struct virtio_console_control message;
	struct vbuf buf = { &message, sizeof(message), false };
	unsigned int i, event;

	for (i = 0; i < ARRAY_SIZE(port); i++) {
		for (event = 0; event < 10; event++) {
			message = (struct virtio_console_control){ .id = port[i], .event = event, .value = 1 };
			lie_holds(t, vdev_do(t->v, t->q, &buf, 1) == 0, "it is ignored");
		}
	}
	lie_stays(t, "ports that are not");
}

const struct lie lie_console_ports = {
	.name = "console ports",
	.to = TO_CTL_TX,
	.answer = STAYS,
	.tell = tell,
};
