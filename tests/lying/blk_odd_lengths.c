// SPDX-License-Identifier: GPL-2.0-or-later
/* Data that is not a whole number of sectors. */
#include <linux/virtio_blk.h>

#include "lying.h"

static void tell(struct target *t)
{
	static const uint32_t len[] = { 1, 511, 513, 4095 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(len); i++) {
		lie_holds(t, lie_blk(t, VIRTIO_BLK_T_IN, 0, t->buf, len[i], true) == VIRTIO_BLK_S_IOERR,
			  "part of a sector is not read");
		lie_holds(t, lie_blk(t, VIRTIO_BLK_T_OUT, 0, t->buf, len[i], false) == VIRTIO_BLK_S_IOERR,
			  "nor written");
	}
}

const struct lie lie_blk_odd_lengths = {
	.name = "blk odd lengths",
	.to = TO_BLK,
	.answer = STAYS,
	.tell = tell,
};
