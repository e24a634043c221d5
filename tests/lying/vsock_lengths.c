// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets of no length, without a header, and longer than any; in as many parts as there may be. */
#include "lying.h"

static void tell(struct target *t)
{
	static const uint32_t len[] = { 1, 2, 43, 44, 45, 44 + 65535, 44 + 65536, 44 + 65537, 0x100000, 0x1000000 };
	struct vring_desc *table;
	unsigned int i, n = 256;
	uint16_t head;

	for (i = 0; i < ARRAY_SIZE(len); i++)
		lie_holds(t, vdev_do(t->v, t->q, &(struct vbuf){ t->buf, len[i], false }, 1) == 0, "it takes what is no packet");
	for (i = 1; i < 44; i++) {
		struct vbuf buf[] = { { t->buf, i, false }, { t->buf + i, 80 - i, false } };

		lie_holds(t, vdev_do(t->v, t->q, buf, 2) == 0, "it takes a header in two parts");
	}
	head = lie_indirect(t, &table, &n);
	for (i = 0; i < n; i++)
		table[i].len = 1;
	vq_publish(lie_queue(t), head);
	vdev_kick(t->v, t->q);
	lie_holds(t, vq_used(lie_queue(t), VQ_WAIT_MS, NULL, NULL), "it takes a packet in splinters");
	lie_stays(t, "packets that are none");
}

const struct lie lie_vsock_lengths = {
	.name = "vsock lengths",
	.to = TO_VSOCK_TX,
	.answer = STAYS,
	.tell = tell,
};
