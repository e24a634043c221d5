// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets of all operations, types and ends, as chance has it, that belong to nothing. */
#include <linux/virtio_vsock.h>

#include "lying.h"

#define PACKETS	2000

static unsigned int seed = 1;

static unsigned int next(void)
{
	seed = seed * 1103515245 + 12345;
	return seed;
}

static void tell(struct target *t)
{
	struct virtio_vsock_hdr *h = (void *)t->buf;
	unsigned int i;

	for (i = 0; i < PACKETS; i++) {
		uint32_t *word = (void *)t->buf;
		unsigned int k;

		for (k = 0; k < sizeof(*h) / 4; k++)
			word[k] = next() >> (k & 3) * 8;
		next();
		h->src_cid = 3;
		h->dst_cid = seed & 0x100 ? 2 : h->dst_cid;
		h->type = VIRTIO_VSOCK_TYPE_STREAM;
		h->op = seed >> 8 & 7;
		h->src_port &= 3;
		h->dst_port &= 3;
		h->len = seed & 0x200 ? 100 : h->len;
		/* Answers that it does not take stop it, as they should. */
		if (vdev_do(t->v, t->q, &(struct vbuf){ t->buf, sizeof(*h) + 100, false }, 1) < 0)
			break;
	}
	lie_holds(t, vdev_reset(t->v) && t->start(t->v), "it starts again");
}

const struct lie lie_vsock_packets = {
	.name = "vsock packets",
	.to = TO_VSOCK_TX,
	.answer = STAYS,
	.tell = tell,
};
