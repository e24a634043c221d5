// SPDX-License-Identifier: GPL-2.0-or-later
/* Changes to a disk that is only read. */
#include <linux/virtio_blk.h>

#include "lying.h"

static void tell(struct target *t)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES };
	static struct virtio_blk_discard_write_zeroes range = { .sector = 41, .num_sectors = 1 };
	unsigned int i;

	if (!t->readonly)
		return;
	memset(t->buf, 0, 512);
	lie_holds(t, t->v->offered >> VIRTIO_BLK_F_RO & 1, "it says that it is read-only");
	for (i = 0; i < ARRAY_SIZE(types); i++)
		lie_holds(t, lie_blk(t, types[i], 41, i ? (void *)&range : t->buf, i ? sizeof(range) : 512, false) > 0,
			  "no change is taken");
	lie_holds(t, t->work(t->v), "nothing has changed");
}

const struct lie lie_blk_readonly = {
	.name = "blk readonly",
	.to = TO_BLK,
	.answer = STAYS,
	.tell = tell,
};
