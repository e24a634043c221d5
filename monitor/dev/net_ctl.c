// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands of the control queue (virtio 1.2, section 5.1.6.5). The card gives the
 * driver every frame that comes, so filters are accepted and change nothing.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/iov.h"
#include "dev/net.h"

/* @len: of what follows the head of the command in @c. */
static bool get(const struct virtq_chain *c, uint64_t off, void *buf, size_t len)
{
	return iov_read(c->iov, c->nr_out, sizeof(struct virtio_net_ctrl_hdr) + off, buf, len) == len;
}

static bool ctl_rx(const struct virtq_chain *c, uint8_t cmd, uint64_t len)
{
	return (cmd == VIRTIO_NET_CTRL_RX_PROMISC || cmd == VIRTIO_NET_CTRL_RX_ALLMULTI) && len == 1;
}

/* Two tables of addresses, each behind its length. */
static bool ctl_mac_tables(const struct virtq_chain *c, uint64_t len)
{
	uint64_t off = 0;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		uint32_t entries;

		if (!get(c, off, &entries, sizeof(entries)))
			return false;
		off += sizeof(entries) + (uint64_t)le32toh(entries) * ETH_ALEN;
	}
	return off == len;
}

static bool ctl_mac(struct net *net, const struct virtq_chain *c, uint8_t cmd, uint64_t len)
{
	uint8_t mac[ETH_ALEN];

	if (cmd == VIRTIO_NET_CTRL_MAC_TABLE_SET)
		return ctl_mac_tables(c, len);
	if (cmd != VIRTIO_NET_CTRL_MAC_ADDR_SET || len != sizeof(mac) || !get(c, 0, mac, sizeof(mac)))
		return false;
	dev_config_set(&net->dev, offsetof(struct virtio_net_config, mac), mac, sizeof(mac));
	return true;
}

static bool ctl_offloads(struct net *net, const struct virtq_chain *c, uint8_t cmd, uint64_t len)
{
	uint64_t offloads;

	if (cmd != VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET || len != sizeof(offloads) ||
	    !dev_has(&net->dev, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) || !get(c, 0, &offloads, sizeof(offloads)))
		return false;
	offloads = le64toh(offloads);
	if (offloads & ~(net->dev.acked & NET_GUEST_OFFLOADS))
		return false;
	net->offloads = offloads;
	net->offloads_set = true;
	return true;
}

static bool ctl_command(struct net *net, const struct virtq_chain *c)
{
	uint64_t len = c->out_len - sizeof(struct virtio_net_ctrl_hdr);
	struct virtio_net_ctrl_hdr head;

	iov_read(c->iov, c->nr_out, 0, &head, sizeof(head));
	switch (head.class) {
	case VIRTIO_NET_CTRL_RX:
		return ctl_rx(c, head.cmd, len);
	case VIRTIO_NET_CTRL_MAC:
		return ctl_mac(net, c, head.cmd, len);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		return ctl_offloads(net, c, head.cmd, len);
	}
	return false;
}

void net_ctl(struct net *net)
{
	struct virtq *vq = &net->dev.vq[NET_CTL];
	struct virtq_chain *c = &net->chain;
	unsigned int budget = NET_BUDGET;

	while (budget && virtq_getchain(vq, c) > 0) {
		uint8_t ack;

		if (c->out_len < sizeof(struct virtio_net_ctrl_hdr) || !c->in_len) {
			vq->broken = "a command without head or room for an answer";
			return;
		}
		ack = ctl_command(net, c) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
		iov_write(c->iov + c->nr_out, c->nr_in, 0, &ack, sizeof(ack));
		virtq_relchain(vq, c, sizeof(ack));
		budget--;
	}
	/* Who refills it all the time must not keep us from control. */
	if (!budget)
		dev_again(&net->dev, NET_CTL);
}
