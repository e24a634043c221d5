// SPDX-License-Identifier: GPL-2.0-or-later
/* Buffers of 32 MiB for random numbers. */
#include "lying.h"

static void tell(struct target *t)
{
	uint64_t mark = bare_mark(), end;
	struct vbuf buf = { bare_alloc(32 << 20, 4096), 32 << 20, true };
	unsigned int i;

	for (i = 0; i < lie_queue(t)->size; i++)
		vq_publish(lie_queue(t), vq_chain(lie_queue(t), &buf, 1));
	vdev_kick(t->v, t->q);
	end = bare_now_ms() + VQ_WAIT_MS;
	for (i = 0; i < lie_queue(t)->size && bare_now_ms() < end; i++) {
		uint32_t len = 0;

		lie_holds(t, vq_used(lie_queue(t), VQ_WAIT_MS, NULL, &len) && len && len <= 65536,
			  "each gets some, not gigabytes");
	}
	bare_release(mark);
}

const struct lie lie_rng_huge = {
	.name = "rng huge",
	.to = TO_RNG,
	.answer = STAYS,
	.tell = tell,
};
