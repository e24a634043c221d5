// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-net (virtio 1.2, section 5.1) over one descriptor.
 *
 * Theory of operation
 *
 * The other side of the descriptor is a process or a tap device that the
 * monitor knows nothing of. Frames go straight between the guest's memory and
 * the descriptor, by one system call each; headers too, in which the device
 * looks only for what could harm the guest's driver, since the other side
 * believes nothing anyway.
 *
 *   guest to host  a frame that the descriptor does not take stays in the
 *                  queue, and the queue behind it fills up. Of a stream that
 *                  took a part, the rest is copied and goes first, whatever the
 *                  driver does meanwhile
 *   host to guest  the descriptor is read only when there are buffers, and
 *                  polled only then. Buffers are taken from the queue before,
 *                  enough for the largest frame if there are; what does not
 *                  fit goes to the device's own memory, and into further
 *                  buffers when they come. So no frame is cut
 *
 * An error of the descriptor that is more than one frame's is a cable that is
 * pulled: the link is down, and stays so.
 *
 * There is one pair of queues: all of a device's queues are served by one
 * thread, and a second pair would only divide its work.
 */
#include "dev/net.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define NET_FEATURES	(1ULL << VIRTIO_NET_F_MAC | 1ULL << VIRTIO_NET_F_STATUS | \
			 1ULL << VIRTIO_NET_F_MRG_RXBUF | \
			 1ULL << VIRTIO_NET_F_CTRL_VQ | 1ULL << VIRTIO_NET_F_CTRL_RX | \
			 1ULL << VIRTIO_NET_F_CTRL_MAC_ADDR)

enum net_fate net_fate(int error)
{
	switch (error) {
	case EINTR:
		return NET_RETRY;
	case EAGAIN:
		return NET_WAIT;
	/* A tap device that is not up says EIO, one that dislikes a header EINVAL. */
	case EFAULT:
	case EINVAL:
	case EIO:
	case EMSGSIZE:
	case ENOBUFS:
	case ENOMEM:
		return NET_DROP;
	}
	return NET_DOWN;
}

static void net_tell_status(struct net *net)
{
	uint16_t status = htole16(net->up ? VIRTIO_NET_S_LINK_UP : 0);

	dev_config_set(&net->dev, offsetof(struct virtio_net_config, status),
		       &status, sizeof(status));
}

const char *net_why(int e)
{
	return !e || e == EPIPE || e == ECONNRESET ? NULL : strerror(e);
}

void net_link_down(struct net *net, const char *why)
{
	if (!net->up)
		return;
	net->up = false;
	if (why)
		log_warn("network card %u: %s; its link is down", net->cfg.nr, why);
	net_tell_status(net);
	/* What waited for the descriptor has nowhere to go. */
	net->blocked = false;
	net->rest.len = 0;
	dev_again(&net->dev, NET_TX);
}

uint64_t net_offloads(const struct net *net)
{
	return net->offloads_set ? net->offloads : net->dev.acked & NET_GUEST_OFFLOADS;
}

static void net_kick(struct dev *dev, unsigned int q)
{
	struct net *net = to_net(dev);

	switch (q) {
	case NET_RX:
		net->starved = false;
		if (net->in.complete)
			net_receive(net);
		break;
	case NET_TX:
		net_transmit(net);
		break;
	case NET_CTL:
		net_ctl(net);
		break;
	}
}

static int net_pollfds(struct dev *dev, struct pollfd *pfd, int max)
{
	struct net *net = to_net(dev);

	if (!net->up || max < 1)
		return 0;
	pfd->fd = net->cfg.fd;
	pfd->events = 0;
	if (net->dev.live ? !net->starved : net_receive_midway(net))
		pfd->events |= POLLIN;
	if (net->blocked)
		pfd->events |= POLLOUT;
	/* Without events: for the other side's end alone. */
	return dev->live || pfd->events;
}

static void net_polled(struct dev *dev, const struct pollfd *pfd, int n)
{
	const short gone = POLLHUP | POLLERR | POLLNVAL;
	struct net *net = to_net(dev);

	if (pfd->events & POLLIN && pfd->revents & (POLLIN | gone)) {
		dev_adaptive_found(dev);
		if (dev->live)
			net_receive(net);
		else
			net_receive_skip(net);
	}
	/* Nothing to be read, or nobody to read it. */
	if (pfd->revents & gone && !(pfd->events & pfd->revents & POLLIN))
		net_link_down(net, NULL);
	if (net->blocked && pfd->revents & POLLOUT) {
		net->blocked = false;
		if (dev->live)
			net_transmit(net);
		else
			net_transmit_rest(net);
	}
}

static bool net_ready(struct dev *dev)
{
	struct pollfd pfd;

	return net_pollfds(dev, &pfd, 1) && poll(&pfd, 1, 0) > 0;
}

static void net_reset(struct dev *dev)
{
	struct net *net = to_net(dev);

	net->offloads_set = false;
	net->starved = false;
	net_receive_reset(net);
	if (!net->rest.len)
		net->blocked = false;
	/* The driver may have changed it. */
	dev_config_set(dev, offsetof(struct virtio_net_config, mac), net->cfg.mac,
		       sizeof(net->cfg.mac));
}

static bool net_drained(struct dev *dev)
{
	struct net *net = to_net(dev);

	/* Whole frames may be lost, as on any cable; half of one would harm the next guest's. */
	return !net->up || !net->rest.len;
}

static void net_destroy(struct dev *dev)
{
	free(to_net(dev));
}

static const struct dev_ops net_ops = {
	.name = "net",
	.id = VIRTIO_ID_NET,
	.kick = net_kick,
	.reset = net_reset,
	.pollfds = net_pollfds,
	.polled = net_polled,
	.ready = net_ready,
	.drained = net_drained,
	.destroy = net_destroy,
};

int dev_net_create(const struct dev_net *cfg, struct dev **dev, struct r3_err *err)
{
	struct virtio_net_config config = {
		.status = htole16(VIRTIO_NET_S_LINK_UP),
		.max_virtqueue_pairs = htole16(1),
		.mtu = htole16(cfg->mtu),
	};
	struct net *net = calloc(1, sizeof(*net));
	uint64_t features = NET_FEATURES;

	if (!net)
		return err_set(err, ENOMEM, "no memory for a network card");
	net->cfg = *cfg;
	net->up = true;
	memcpy(config.mac, cfg->mac, sizeof(config.mac));
	if (cfg->mtu)
		features |= 1ULL << VIRTIO_NET_F_MTU;
	if (cfg->offload)
		features |= NET_HOST_OFFLOADS | NET_GUEST_OFFLOADS |
			    1ULL << VIRTIO_NET_F_CTRL_GUEST_OFFLOADS;
	dev_init(&net->dev, &net_ops, features);
	net->dev.nr_queues = NET_QUEUES;
	net->dev.queue_size[NET_RX] = NET_QUEUE_SIZE;
	net->dev.queue_size[NET_TX] = NET_QUEUE_SIZE;
	net->dev.queue_size[NET_CTL] = NET_CTL_QUEUE_SIZE;
	dev_config_set(&net->dev, 0, &config, offsetof(struct virtio_net_config, speed));
	*dev = &net->dev;
	return 0;
}
