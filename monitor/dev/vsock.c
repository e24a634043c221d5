// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-vsock (virtio 1.2, section 5.10) over one descriptor.
 *
 * Theory of operation
 *
 * The other side of the descriptor is ring3-vsock, which knows what a connection is.
 * One message is one packet: a struct virtio_vsock_hdr and its payload. The device
 * looks at its length only; the other side believes nothing of the rest.
 *
 *   guest to host  a packet goes out by one writev(). One that the descriptor does not
 *                  take stays in the queue, and the queue behind it fills up
 *   host to guest  the descriptor is read only when there is a buffer. A packet is read
 *                  whole and may be longer than a buffer: then the guest gets several
 *
 * A driver that starts is told of to the other side before its first packet; what comes
 * before the answer was for the driver before it, and is dropped. When the other side
 * is gone the guest's connections are reset, by the event for that.
 */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/iov.h"
#include "base/log.h"
#include "base/mutation.h"
#include "base/util.h"
#include "dev/dev.h"
#include "dev/vsock.h"

enum { VSOCK_RX, VSOCK_TX, VSOCK_EVENT, VSOCK_QUEUES };

#define QUEUE_SIZE	256
#define EVENT_SIZE	16
#define BUDGET		64	/* packets, then the other queues have their turn */

/* Bit 0 of virtio 1.2; the headers that Debian 12 has do not know its name. */
#define F_STREAM	0

/* A packet for the guest that is not all in its buffers yet. */
struct vsock_in {
	struct virtio_vsock_hdr hdr;
	uint32_t len, off;		/* of the payload: all, and what the guest has */
	bool have;
	uint8_t data[VSOCK_PAYLOAD_MAX + 1];
};

struct vsock {
	struct dev dev;
	int fd;
	bool up;			/* somebody is at the other side */
	bool untold;			/* it does not know yet that the driver has started */
	unsigned int unanswered;	/* of what it was told of that */
	bool blocked;			/* it takes no more packets just now */
	bool starved;			/* the guest has no buffer */
	bool owe_event;			/* the guest is to reset its connections */
	struct vsock_in in;
	struct virtq_chain chain;
};

static struct vsock *to_vsock(struct dev *dev)
{
	return container_of(dev, struct vsock, dev);
}

/* ---- the other side's end ---- */

static void tell_reset(struct vsock *v)
{
	struct virtq *vq = &v->dev.vq[VSOCK_EVENT];
	const struct virtio_vsock_event event = { .id = htole32(VIRTIO_VSOCK_EVENT_TRANSPORT_RESET) };
	struct virtq_chain *c = &v->chain;

	if (!v->owe_event || !vq->size || virtq_getchain(vq, c) <= 0)
		return;
	if (c->in_len < sizeof(event)) {
		vq->broken = "an event buffer too small for an event";
		return;
	}
	iov_write(c->iov + c->nr_out, c->nr_in, 0, &event, sizeof(event));
	virtq_relchain(vq, c, sizeof(event));
	dev_queue_done(&v->dev, VSOCK_EVENT);
	v->owe_event = false;
}

static void end(struct vsock *v)
{
	if (!v->up)
		return;
	v->up = v->blocked = v->in.have = false;
	v->owe_event = true;
	if (v->dev.live)
		tell_reset(v);
	dev_again(&v->dev, VSOCK_TX);
}

/* ---- from the guest ---- */

/* Return: 0, -EAGAIN, or another -errno: this packet is lost. */
static int send_packet(struct vsock *v, const struct iovec *iov, unsigned int n)
{
	ssize_t ret;

	do {
		ret = writev(v->fd, iov, n);
	} while (ret < 0 && errno == EINTR);
	if (ret >= 0)
		return 0;
	if (errno == EAGAIN) {
		v->blocked = true;
		return -EAGAIN;
	}
	if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
		end(v);
	return -errno;
}

/* Return: false if it has to wait. */
static bool tell_started(struct vsock *v)
{
	const struct iovec iov = { "", VSOCK_RESET_LEN };

	if (!v->untold || !v->up)
		return true;
	if (send_packet(v, &iov, 1) == -EAGAIN)
		return false;
	v->untold = false;
	v->unanswered++;
	return true;
}

static bool is_packet(const struct virtq_chain *c)
{
	return c->out_len >= VSOCK_HDR && c->out_len <= VSOCK_HDR + VSOCK_PAYLOAD_MAX;
}

static void transmit(struct vsock *v)
{
	struct virtq *vq = &v->dev.vq[VSOCK_TX];
	struct virtq_chain *c = &v->chain;
	unsigned int budget = BUDGET;
	int ret;

	for (; budget && !v->blocked && tell_started(v); budget--) {
		if (!virtq_has_chain(vq)) {
			dev_queue_done(&v->dev, VSOCK_TX);
			if (!dev_adaptive_poll(&v->dev, VSOCK_TX)) {
				dev_again(&v->dev, VSOCK_TX);
				break;
			}
		}
		if (virtq_getchain(vq, c) <= 0)
			break;
		ret = !v->up || !is_packet(c) ? -EINVAL : send_packet(v, c->iov, c->nr_out);
		if (ret == -EAGAIN) {
			virtq_retchain(vq);
			break;
		}
		if (ret) {
			dev_count(&v->dev, dropped, 1);
		} else {
			dev_count(&v->dev, out, 1);
			dev_count(&v->dev, out_bytes, c->out_len - VSOCK_HDR);
		}
		virtq_relchain(vq, c, 0);
	}
	if (!budget)
		dev_again(&v->dev, VSOCK_TX);
	dev_queue_done(&v->dev, VSOCK_TX);
}

/* ---- to the guest ---- */

/* A part of the packet, as a packet of its own. Return: false without a buffer for it. */
static bool deliver(struct vsock *v)
{
	struct virtq *vq = &v->dev.vq[VSOCK_RX];
	struct virtq_chain *c = &v->chain;
	struct vsock_in *in = &v->in;
	struct virtio_vsock_hdr hdr = in->hdr;
	uint32_t part;

	if (virtq_getchain(vq, c) <= 0)
		return false;
	if (c->in_len < VSOCK_HDR + !!in->len) {
		vq->broken = "a receive buffer too small for a packet";
		return false;
	}
	part = min_t(uint64_t, c->in_len - VSOCK_HDR, in->len - in->off);
	hdr.len = htole32(part);
	iov_write(c->iov + c->nr_out, c->nr_in, 0, &hdr, VSOCK_HDR);
	iov_write(c->iov + c->nr_out, c->nr_in, VSOCK_HDR, in->data + in->off, part);
	virtq_relchain(vq, c, VSOCK_HDR + part);
	in->off += part;
	in->have = in->off < in->len;
	dev_count(&v->dev, in, 1);
	dev_count(&v->dev, in_bytes, part);
	return true;
}

/* Return: whether there is a packet, or there may be one. */
static bool read_packet(struct vsock *v)
{
	struct vsock_in *in = &v->in;
	/* One byte more than there may be, to know of it. */
	const struct iovec iov[] = { { &in->hdr, VSOCK_HDR }, { in->data, sizeof(in->data) } };
	ssize_t n;

	do {
		n = readv(v->fd, iov, 2);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		end(v);
		return false;
	}
	if (n == VSOCK_RESET_LEN && v->unanswered) {
		v->unanswered--;
		return true;
	}
	if (v->untold || v->unanswered)
		return true;
	if (n < (ssize_t)VSOCK_HDR || n > (ssize_t)(VSOCK_HDR + VSOCK_PAYLOAD_MAX) ||
	    (le32toh(in->hdr.len) != n - VSOCK_HDR && !MUTATION_DEVICE_LENGTH)) {
		dev_count(&v->dev, dropped, 1);
		return true;
	}
	in->len = n - VSOCK_HDR;
	in->off = 0;
	in->have = true;
	return true;
}

/* Is there one, or is none needed for what comes? If not, a kick is asked for. */
static bool has_buffer(struct vsock *v)
{
	struct virtq *vq = &v->dev.vq[VSOCK_RX];

	if (v->untold || v->unanswered || virtq_has_chain(vq))
		return true;
	if (virtq_getchain(vq, &v->chain) <= 0)
		return false;
	virtq_retchain(vq);
	return true;
}

static void receive(struct vsock *v)
{
	unsigned int budget = BUDGET;

	while (budget-- && (v->up || v->in.have)) {
		v->starved = !has_buffer(v);
		if (v->starved)
			break;
		if (!v->in.have && !read_packet(v))
			break;
		if (v->in.have && !deliver(v))
			break;
	}
	dev_queue_done(&v->dev, VSOCK_RX);
	if (v->in.have && !v->starved)
		dev_again(&v->dev, VSOCK_RX);
	dev_again(&v->dev, VSOCK_TX);
}

/* ---- the device ---- */

static void vsock_kick(struct dev *dev, unsigned int q)
{
	struct vsock *v = to_vsock(dev);

	switch (q) {
	case VSOCK_RX:
		v->starved = false;
		if (v->in.have)
			receive(v);
		break;
	case VSOCK_TX:
		transmit(v);
		break;
	case VSOCK_EVENT:
		tell_reset(v);
		break;
	}
}

static int vsock_pollfds(struct dev *dev, struct pollfd *pfd, int max)
{
	struct vsock *v = to_vsock(dev);

	if (!v->up || !dev->live || max < 1)
		return 0;
	pfd->fd = v->fd;
	/* Without events: for the other side's end alone. */
	pfd->events = (v->starved && !v->unanswered ? 0 : POLLIN) | (v->blocked ? POLLOUT : 0);
	return 1;
}

static void vsock_polled(struct dev *dev, const struct pollfd *pfd, int n)
{
	const short gone = POLLHUP | POLLERR | POLLNVAL;
	struct vsock *v = to_vsock(dev);

	if (pfd->events & POLLIN && pfd->revents & (POLLIN | gone)) {
		dev_adaptive_found(dev);
		receive(v);
	}
	if (pfd->revents & gone && !(pfd->events & pfd->revents & POLLIN))
		end(v);
	if (v->blocked && pfd->revents & POLLOUT) {
		v->blocked = false;
		transmit(v);
	}
}

static bool vsock_ready(struct dev *dev)
{
	struct pollfd pfd;

	return vsock_pollfds(dev, &pfd, 1) && poll(&pfd, 1, 0) > 0;
}

static void vsock_live(struct dev *dev)
{
	struct vsock *v = to_vsock(dev);

	v->untold = true;
}

static void vsock_reset(struct dev *dev)
{
	struct vsock *v = to_vsock(dev);

	v->in.have = v->blocked = v->starved = v->owe_event = false;
}

static void vsock_destroy(struct dev *dev)
{
	free(to_vsock(dev));
}

static const struct dev_ops vsock_ops = {
	.name = "vsock",
	.id = VIRTIO_ID_VSOCK,
	.kick = vsock_kick,
	.live = vsock_live,
	.reset = vsock_reset,
	.pollfds = vsock_pollfds,
	.polled = vsock_polled,
	.ready = vsock_ready,
	.destroy = vsock_destroy,
};

int dev_vsock_create(int fd, uint32_t cid, struct dev **dev, struct r3_err *err)
{
	const struct virtio_vsock_config config = { .guest_cid = htole64(cid) };
	struct vsock *v = calloc(1, sizeof(*v));

	if (!v)
		return err_set(err, ENOMEM, "no memory for vsock");
	v->fd = fd;
	v->up = true;
	dev_init(&v->dev, &vsock_ops, 1ULL << F_STREAM);
	v->dev.nr_queues = VSOCK_QUEUES;
	v->dev.queue_size[VSOCK_RX] = QUEUE_SIZE;
	v->dev.queue_size[VSOCK_TX] = QUEUE_SIZE;
	v->dev.queue_size[VSOCK_EVENT] = EVENT_SIZE;
	dev_config_set(&v->dev, 0, &config, sizeof(config));
	*dev = &v->dev;
	return 0;
}
