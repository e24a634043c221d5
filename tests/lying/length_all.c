// SPDX-License-Identifier: GPL-2.0-or-later
/* A buffer as long as memory allows, for what needs a few bytes. */
#include "lying.h"

static void tell(struct target *t)
{
	uint16_t head = lie_chain(t);
	struct vring_desc *d = lie_desc(t, head);

	/* All of it from the image on: true as far as the ring goes. */
	d->addr = bare_gpa(t->buf);
	d->len = bare_boot->ram_size - d->addr;
	if (d->flags & VRING_DESC_F_WRITE)
		d->len = 0x10000;
	lie_send(t, head);
	vdev_control(t->v);
}

const struct lie lie_length_all = {
	.name = "length all",
	.to = TO_ALL,
	.answer = EITHER,
	.tell = tell,
};
