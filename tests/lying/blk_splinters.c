// SPDX-License-Identifier: GPL-2.0-or-later
/* A request in a hundred and more splinters. */
#include <linux/virtio_blk.h>

#include "lying.h"

static void tell(struct target *t)
{
	static struct virtio_blk_outhdr head;
	static uint8_t status;
	struct vring_desc *table = (void *)(t->buf + 32768);
	struct vring_desc *d = lie_desc(t, 0);
	unsigned int i;
	uint32_t len;

	/* 200 parts of some bytes, header and data cut anywhere: odd, and allowed. */
	head = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN, .sector = 41 };
	for (i = 0; i < 16; i++)
		table[i] = (struct vring_desc){ bare_gpa(&head) + i, 1, VRING_DESC_F_NEXT, i + 1 };
	for (; i < 16 + 128; i++)
		table[i] = (struct vring_desc){ bare_gpa(t->buf) + 4 * (i - 16), 4, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, i + 1 };
	table[i] = (struct vring_desc){ bare_gpa(&status), 1, VRING_DESC_F_WRITE, 0 };
	status = 0xff;
	memset(t->buf, 0, 512);
	*d = (struct vring_desc){ bare_gpa(table), 16 * (i + 1), VRING_DESC_F_INDIRECT, 0 };
	lie_send(t, 0);
	lie_holds(t, vq_used(lie_queue(t), VQ_WAIT_MS, NULL, &len) && len == 513 && !status, "splinters are put together");
	lie_holds(t, !memcmp(t->buf, "ring3041", MARK_LEN), "in order");
}

const struct lie lie_blk_splinters = {
	.name = "blk splinters",
	.to = TO_BLK,
	.answer = STAYS,
	.tell = tell,
};
