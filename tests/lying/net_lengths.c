// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames of no length, without a header, and longer than any; in as many parts as there may be. */
#include "lying.h"

static void tell(struct target *t)
{
	static const uint32_t len[] = { 1, 11, 12, 13, 25, 26, 12 + 65553, 12 + 65554, 0x100000, 0x1000000 };
	struct vq *q = lie_queue(t);
	struct vring_desc *table;
	unsigned int i, n;
	uint16_t head;

	for (i = 0; i < ARRAY_SIZE(len); i++)
		lie_holds(t, vdev_do(t->v, t->q, &(struct vbuf){ t->buf, len[i], false }, 1) == 0, "it takes what is no frame");
	/* The header over two parts, wherever it is cut. */
	for (i = 1; i < 12; i++) {
		struct vbuf buf[] = { { t->buf, i, false }, { t->buf + i, 80 - i, false } };

		lie_holds(t, vdev_do(t->v, t->q, buf, 2) == 0, "it takes a header in two parts");
	}
	for (n = 200; n <= 256; n += 56) {
		head = lie_indirect(t, &table, &n);
		for (i = 0; i < n; i++)
			table[i].len = 1;
		vq_publish(q, head);
		vdev_kick(t->v, t->q);
		lie_holds(t, vq_used(q, VQ_WAIT_MS, NULL, NULL), "it takes a frame in splinters");
	}
	lie_stays(t, "frames that are none");
}

const struct lie lie_net_lengths = {
	.name = "net lengths",
	.to = TO_NET_TX,
	.answer = STAYS,
	.tell = tell,
};
