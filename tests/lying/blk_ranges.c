// SPDX-License-Identifier: GPL-2.0-or-later
/* Ranges to discard or to zero that are none. */
#include <linux/virtio_blk.h>

#include "lying.h"

static void tell(struct target *t)
{
	static const struct virtio_blk_discard_write_zeroes wrong[] = {
		{ 2048, 1, 0 }, { 2047, 2, 0 }, { ~0ULL, 1, 0 }, { 1ULL << 55, 1, 0 }, { ~0ULL / 512, 8, 0 },
		{ 0, ~0U, 0 }, { 1, 0x80000000, 0 }, { 0, 1, 2 }, { 0, 1, ~0U },
	};
	static const uint32_t types[] = { VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES };
	static struct virtio_blk_discard_write_zeroes many[64];
	unsigned int i, k;

	for (k = 0; k < ARRAY_SIZE(types); k++) {
		for (i = 0; i < ARRAY_SIZE(wrong); i++) {
			many[0] = wrong[i];
			lie_holds(t, lie_blk(t, types[k], 0, many, sizeof(many[0]), false) > 0, "a wrong range is refused");
			lie_holds(t, lie_blk(t, types[k], 0, many, sizeof(many[0]) - 1, false) > 0, "part of a range is");
		}
		lie_holds(t, lie_blk(t, types[k], 0, many, sizeof(many), false) > 0, "more ranges than allowed are");
		lie_holds(t, lie_blk(t, types[k], 0, many, sizeof(many[0]), true) > 0, "ranges to be written are");
		lie_holds(t, lie_blk(t, types[k], 0, NULL, 0, false) > 0, "no range is");
	}
}

const struct lie lie_blk_ranges = {
	.name = "blk ranges",
	.to = TO_BLK,
	.answer = STAYS,
	.tell = tell,
};
