// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests of unknown types. */
#include <linux/virtio_blk.h>

#include "lying.h"

static void tell(struct target *t)
{
	static const uint32_t type[] = { 2, 3, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 100, 0x7fffffff, 0x80000000, ~0U };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(type); i++) {
		lie_holds(t, lie_blk(t, type[i], 0, t->buf, 512, true) == VIRTIO_BLK_S_UNSUPP, "what is unknown is said to be");
		lie_holds(t, lie_blk(t, type[i], ~0ULL, t->buf, 512, false) == VIRTIO_BLK_S_UNSUPP, "to be written too");
	}
}

const struct lie lie_blk_types = {
	.name = "blk types",
	.to = TO_BLK,
	.answer = STAYS,
	.tell = tell,
};
