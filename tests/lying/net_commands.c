// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands cut short, of other lengths than they say, unknown, and without room for the answer. */
#include <linux/virtio_net.h>

#include "lying.h"

/* Return: the answer, -1 if nothing came back. */
static int command(struct target *t, const void *data, uint32_t len)
{
	uint8_t *ack = (uint8_t *)t->buf + 4096;
	struct vbuf buf[] = { { t->buf, len, false }, { ack, 1, true } };

	memcpy(t->buf, data, len);
	*ack = 0xff;
	return vdev_do(t->v, t->q, buf, 2) == 1 ? *ack : -1;
}

static void tell(struct target *t)
{
	/* Tables that say 2, 4 G and 0x2aaaaaab entries; the last is 2 in 32 bits of bytes. */
	static const uint8_t wrong[][16] = {
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 2, 0, 0, 0, 1, 2, 3 },
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 0xff, 0xff, 0xff, 0xff },
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 0xab, 0xaa, 0xaa, 0x2a },
		{ VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 2, 3, 4, 5, 6 },
		{ VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1 },
		{ VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		{ 0xff, 0xff },
	};
	unsigned int i, len;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		for (len = 2; len <= 16; len++)
			if (len != 3 || wrong[i][0] != VIRTIO_NET_CTRL_RX)
				lie_holds(t, command(t, wrong[i], len) == VIRTIO_NET_ERR || (wrong[i][1] && len == 8),
					  "a command that is none is refused");
	lie_stays(t, "commands that are none");
	lie_send(t, vq_chain(lie_queue(t), &(struct vbuf){ t->buf, 1, false }, 1));
	lie_broke(t, "half the head of a command");
	lie_send(t, vq_chain(lie_queue(t), &(struct vbuf){ t->buf, 3, false }, 1));
	lie_broke(t, "no room for the answer");
	lie_send(t, vq_chain(lie_queue(t), &(struct vbuf){ t->buf, 3, true }, 1));
}

const struct lie lie_net_commands = {
	.name = "net commands",
	.to = TO_NET_CTL,
	.answer = BREAKS,
	.tell = tell,
};
