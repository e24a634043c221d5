// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and writes behind the disk's end, and over it. Disks are of 1 MiB. */
#include <linux/virtio_blk.h>

#include "lying.h"

static void tell(struct target *t)
{
	static const uint64_t sector[] = {
		2048, 2049, 1ULL << 32, 1ULL << 54, 1ULL << 55, 1ULL << 63, ~0ULL, ~0ULL / 512, ~0ULL / 512 + 1,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sector); i++) {
		lie_holds(t, lie_blk(t, VIRTIO_BLK_T_IN, sector[i], t->buf, 512, true) == VIRTIO_BLK_S_IOERR,
			  "a read behind the end fails");
		lie_holds(t, lie_blk(t, VIRTIO_BLK_T_OUT, sector[i], t->buf, 512, false) == VIRTIO_BLK_S_IOERR,
			  "a write behind the end fails");
	}
	lie_holds(t, lie_blk(t, VIRTIO_BLK_T_IN, 2047, t->buf, 1024, true) == VIRTIO_BLK_S_IOERR,
		  "a read over the end fails");
	lie_holds(t, lie_blk(t, VIRTIO_BLK_T_OUT, 2047, t->buf, 1024, false) == VIRTIO_BLK_S_IOERR,
		  "a write over the end fails");
	lie_holds(t, lie_blk(t, VIRTIO_BLK_T_IN, 2047, t->buf, 512, true) == VIRTIO_BLK_S_OK, "the last sector is there");
}

const struct lie lie_blk_beyond = {
	.name = "blk beyond",
	.to = TO_BLK,
	.answer = STAYS,
	.tell = tell,
};
