// SPDX-License-Identifier: GPL-2.0-or-later
/* From the guest to the descriptor. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "base/iov.h"
#include "dev/net.h"

/* Return: what became of it; NET_RETRY stands for "sent". */
static enum net_fate net_write(struct net *net, const struct iovec *iov, unsigned int n,
			       size_t *done)
{
	enum net_fate fate;
	ssize_t ret;

	do {
		ret = writev(net->cfg.fd, iov, n);
		if (ret >= 0) {
			*done = ret;
			return NET_RETRY;
		}
		fate = net_fate(errno);
	} while (fate == NET_RETRY);
	if (fate == NET_DOWN)
		net_link_down(net, net_why(errno));
	return fate;
}

bool net_transmit_rest(struct net *net)
{
	struct net_rest *rest = &net->rest;

	while (rest->len) {
		struct iovec iov = { rest->data + rest->off, rest->len };
		size_t done;

		switch (net_write(net, &iov, 1, &done)) {
		case NET_RETRY:
			rest->off += done;
			rest->len -= done;
			break;
		case NET_WAIT:
			net->blocked = true;
			return false;
		case NET_DROP:
			/* The other side would take the next for the rest of this one. */
			net_link_down(net, "a frame could not be written to its end");
			return true;
		case NET_DOWN:
			return true;
		}
	}
	return true;
}

/* A length, then the frame without the driver's header. */
static enum net_fate net_send_stream(struct net *net, const struct virtq_chain *c, uint32_t len)
{
	uint32_t prefix = htobe32(len);
	struct net_rest *rest = &net->rest;
	enum net_fate fate;
	unsigned int n;
	size_t done;

	net->iov[0] = (struct iovec){ &prefix, sizeof(prefix) };
	n = 1 + iov_slice(net->iov + 1, c->iov, c->nr_out, NET_HDR, len);
	fate = net_write(net, net->iov, n, &done);
	if (fate == NET_RETRY && done < NET_LENGTH + len) {
		rest->off = 0;
		rest->len = iov_read(net->iov, n, done, rest->data, sizeof(rest->data));
		net_transmit_rest(net);
	}
	return fate;
}

static enum net_fate net_send_packet(struct net *net, const struct virtq_chain *c, uint32_t len)
{
	struct virtio_net_hdr_v1 none = { 0 };
	unsigned int n;
	size_t done;

	if (net->cfg.offload)
		return net_write(net, c->iov, c->nr_out, &done);
	/* The other side is not to be asked for anything. */
	net->iov[0] = (struct iovec){ &none, sizeof(none) };
	n = 1 + iov_slice(net->iov + 1, c->iov, c->nr_out, NET_HDR, len);
	return net_write(net, net->iov, n, &done);
}

static enum net_fate net_send(struct net *net, const struct virtq_chain *c)
{
	if (!net->up || c->out_len < NET_HDR + NET_FRAME_MIN || c->out_len > NET_HDR + NET_FRAME_MAX)
		return NET_DROP;
	return net->cfg.stream ? net_send_stream(net, c, c->out_len - NET_HDR) :
				 net_send_packet(net, c, c->out_len - NET_HDR);
}

void net_transmit(struct net *net)
{
	struct virtq *vq = &net->dev.vq[NET_TX];
	struct virtq_chain *c = &net->chain;
	unsigned int budget = NET_BUDGET;

	for (; budget && !net->blocked; budget--) {
		enum net_fate fate;

		if (!net_transmit_rest(net))
			break;
		if (!virtq_has_chain(vq)) {
			dev_queue_done(&net->dev, NET_TX);
			if (!dev_adaptive_poll(&net->dev, NET_TX)) {
				dev_again(&net->dev, NET_TX);
				break;
			}
		}
		if (virtq_getchain(vq, c) <= 0)
			break;
		fate = net_send(net, c);
		if (fate == NET_WAIT) {
			virtq_retchain(vq);
			net->blocked = true;
			break;
		}
		if (fate != NET_RETRY) {
			net->tx_dropped++;
			dev_count(&net->dev, dropped, 1);
		} else {
			dev_count(&net->dev, out, 1);
			dev_count(&net->dev, out_bytes, c->out_len - NET_HDR);
		}
		virtq_relchain(vq, c, 0);
	}
	/* Who refills it all the time must not keep us from control. */
	if (!budget)
		dev_again(&net->dev, NET_TX);
	dev_queue_done(&net->dev, NET_TX);
}
