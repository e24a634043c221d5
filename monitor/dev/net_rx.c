// SPDX-License-Identifier: GPL-2.0-or-later
/* From the descriptor to the guest. */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>

#include "base/iov.h"
#include "base/mutation.h"
#include "dev/net.h"

/* ---- the window ---- */

static void window_compact(struct net_window *w)
{
	memmove(w->buffer, w->buffer + w->first, w->nr * sizeof(w->buffer[0]));
	memmove(w->iov, w->iov + w->first_iov, w->nr_iov * sizeof(w->iov[0]));
	w->first = w->first_iov = 0;
}

/* Room for one more chain, as long as it may be. Two entries are for header and spill. */
static bool window_has_room(struct net_window *w)
{
	const unsigned int iov_max = NET_IOV_MAX - VIRTQ_SEGS_MAX - 3;

	if (w->nr == NET_QUEUE_SIZE || w->nr_iov > iov_max)
		return false;
	if (w->first + w->nr == NET_QUEUE_SIZE || w->first_iov + w->nr_iov > iov_max)
		window_compact(w);
	return true;
}

static void window_add(struct net_window *w, const struct virtq_chain *c)
{
	w->buffer[w->first + w->nr++] = (struct net_buffer){ c->head, c->nr_in, c->in_len };
	memcpy(w->iov + w->first_iov + w->nr_iov, c->iov + c->nr_out, c->nr_in * sizeof(c->iov[0]));
	w->nr_iov += c->nr_in;
	w->len += c->in_len;
}

static void window_drop_first(struct net_window *w)
{
	const struct net_buffer *b = &w->buffer[w->first];

	w->first_iov += b->nr_iov;
	w->nr_iov -= b->nr_iov;
	w->len -= b->len;
	w->first++;
	w->nr--;
}

/* Takes buffers until the window holds @want bytes, if there are so many. */
static void window_fill(struct net *net, uint64_t want)
{
	struct virtq *vq = &net->dev.vq[NET_RX];
	struct net_window *w = &net->window;
	struct virtq_chain *c = &net->chain;

	if (!w->nr)
		w->first = w->first_iov = 0;
	while (w->len < want && window_has_room(w) && virtq_getchain(vq, c) > 0) {
		if (c->in_len < NET_HDR) {
			vq->broken = "a receive buffer too small for the header";
			return;
		}
		window_add(w, c);
	}
}

static bool merges(const struct net *net)
{
	return dev_has(&net->dev, VIRTIO_NET_F_MRG_RXBUF);
}

/* Bytes of a frame that the window takes, and in how many parts of its iov. */
static uint64_t window_room(const struct net *net, unsigned int *nr_iov)
{
	const struct net_window *w = &net->window;

	*nr_iov = merges(net) ? w->nr_iov : w->buffer[w->first].nr_iov;
	return (merges(net) ? w->len : w->buffer[w->first].len) - NET_HDR;
}

/* ---- a frame that is complete ---- */

static void in_next(struct net *net)
{
	struct net_in *in = &net->in;

	in->len = in->have = in->room = 0;
	in->complete = in->drop = false;
}

static void in_dropped(struct net *net)
{
	dev_count(&net->dev, dropped, 1);
	net->rx_dropped++;
	in_next(net);
}

/* Hands the buffers that the frame fills back. */
static void release(struct net *net, uint64_t total)
{
	struct virtq *vq = &net->dev.vq[NET_RX];
	struct net_window *w = &net->window;
	unsigned int n = 0;

	while (total) {
		uint64_t part = min_t(uint64_t, total, w->buffer[w->first].len);

		virtq_fill(vq, n++, w->buffer[w->first].head, part);
		window_drop_first(w);
		total -= part;
	}
	virtq_flush(vq, n);
}

/* The spilt end of a frame into the buffers behind those that were there. False: there are none. */
static bool unspill(struct net *net)
{
	const struct net_window *w = &net->window;
	struct net_in *in = &net->in;
	unsigned int n;

	if (in->len <= in->room)
		return true;
	window_fill(net, NET_HDR + in->len);
	if (net->dev.vq[NET_RX].broken || window_room(net, &n) < in->len)
		return false;
	iov_write(w->iov + w->first_iov, n, NET_HDR + in->room, in->spill, in->len - in->room);
	in->room = in->len;
	return true;
}

/* False: the driver has to give more buffers first. */
static bool deliver(struct net *net)
{
	struct net_window *w = &net->window;
	struct net_in *in = &net->in;
	const struct iovec *iov;
	bool unsummed;
	uint16_t n = 0;
	uint64_t room;

	if (in->drop) {
		in_dropped(net);
		return true;
	}
	if (!unspill(net)) {
		/* The driver has no more than these, ever. */
		if (!merges(net) || w->nr == net->dev.vq[NET_RX].size || !window_has_room(w)) {
			in_dropped(net);
			return true;
		}
		in->complete = true;
		return false;
	}
	if (!net_header_check(&in->hdr, net_offloads(net), in->len, &unsummed)) {
		in_dropped(net);
		return true;
	}
	iov = w->iov + w->first_iov;
	if (unsummed)
		net_header_complete(&in->hdr, iov, w->nr_iov, NET_HDR, in->len);
	for (room = 0; room < NET_HDR + in->len; n++)
		room += w->buffer[w->first + n].len;
	if (unsummed)
		in->hdr.csum_start = in->hdr.csum_offset = 0;
	in->hdr.num_buffers = htole16(n);
	iov_write(iov, w->nr_iov, 0, &in->hdr, NET_HDR);
	release(net, NET_HDR + in->len);
	dev_count(&net->dev, in, 1);
	dev_count(&net->dev, in_bytes, in->len);
	in_next(net);
	return true;
}

/* ---- from the descriptor ---- */

static ssize_t net_read(struct net *net, unsigned int n)
{
	ssize_t ret;

	do {
		ret = readv(net->cfg.fd, net->iov, n);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

/* A message of length 0 is none; the end of a socket looks the same. */
static bool at_end(const struct net *net)
{
	struct pollfd pfd = { .fd = net->cfg.fd, .events = POLLIN | POLLRDHUP };

	return net->cfg.stream || (poll(&pfd, 1, 0) && pfd.revents & ~POLLIN);
}

/* What read as an error, or as the end. Return: whether to read on. */
static bool no_frame(struct net *net, ssize_t ret)
{
	enum net_fate fate = ret ? net_fate(-ret) : at_end(net) ? NET_DOWN : NET_DROP;

	/* Where the next frame of a stream would begin, nobody knows. */
	if (net->cfg.stream && fate == NET_DROP)
		fate = NET_DOWN;
	if (fate == NET_DOWN)
		net_link_down(net, net_why(-ret));
	else if (fate == NET_DROP)
		in_dropped(net);
	return fate == NET_DROP;
}

/* The parts of a frame that begins at byte @from, in net->iov from @n on. Return: entries. */
static unsigned int frame_parts(struct net *net, unsigned int n, uint32_t from, uint32_t len)
{
	const struct net_window *w = &net->window;
	struct net_in *in = &net->in;
	uint32_t spilt = from > in->room ? from - in->room : 0;

	if (from < in->room && from < len)
		n += iov_slice(net->iov + n, w->iov + w->first_iov, w->nr_iov,
			       NET_HDR + from, min_t(uint32_t, in->room, len) - from);
	if (len > in->room)
		net->iov[n++] = (struct iovec){ in->spill + spilt, len - in->room - spilt };
	return n;
}

static void set_room(struct net *net)
{
	unsigned int n;

	net->in.room = min_t(uint64_t, window_room(net, &n), NET_FRAME_MAX);
}

/* One message. Return: whether to read on. */
static bool read_packet(struct net *net)
{
	struct net_in *in = &net->in;
	unsigned int n;
	ssize_t ret;

	set_room(net);
	net->iov[0] = (struct iovec){ &in->hdr, NET_HDR };
	/* One byte more than there may be, to know of it. */
	n = frame_parts(net, 1, 0, NET_FRAME_MAX + 1);
	ret = net_read(net, n);
	if (ret <= 0)
		return no_frame(net, ret);
	if (ret < (ssize_t)(NET_HDR + NET_FRAME_MIN) || ret > (ssize_t)(NET_HDR + NET_FRAME_MAX)) {
		in_dropped(net);
		return true;
	}
	in->len = ret - NET_HDR;
	return deliver(net);
}

/* The length of the next frame is there. Return: false if it cannot be one. */
static bool begin_frame(struct net *net)
{
	struct net_in *in = &net->in;
	uint32_t len;

	memcpy(&len, in->length, sizeof(len));
	len = be32toh(len);
	in->length_have = 0;
	if (!len || (len > NET_FRAME_MAX && !MUTATION_DEVICE_LENGTH)) {
		net_link_down(net, "a length that no frame has came from the other side");
		return false;
	}
	in->len = len;
	in->drop = len < NET_FRAME_MIN || !net->dev.live;
	memset(&in->hdr, 0, sizeof(in->hdr));
	return true;
}

/* A piece of a stream: of a frame and, as it may be there, of the next one's length. */
static bool read_stream(struct net *net)
{
	struct net_in *in = &net->in;
	unsigned int n = 0;
	uint32_t part = 0;
	ssize_t ret;

	if (!in->len && in->length_have == NET_LENGTH && !begin_frame(net))
		return false;
	if (in->len) {
		if (!in->have && !in->drop)
			set_room(net);
		n = frame_parts(net, 0, in->have, in->len);
		part = in->len - in->have;
	}
	if (!in->drop)
		net->iov[n++] = (struct iovec){ in->length + in->length_have, NET_LENGTH - in->length_have };
	ret = net_read(net, n);
	if (ret <= 0)
		return no_frame(net, ret);
	if (ret < part) {
		in->have += ret;
		return true;
	}
	in->length_have += ret - part;
	return !part || deliver(net);
}

bool net_receive_midway(const struct net *net)
{
	const struct net_in *in = &net->in;

	/* Behind a frame that waits for buffers comes the next one, and a message is whole. */
	return net->cfg.stream && !in->complete && (in->len || in->length_have);
}

void net_receive_skip(struct net *net)
{
	while (net->up && net_receive_midway(net) && read_stream(net))
		;
}

void net_receive_reset(struct net *net)
{
	struct net_in *in = &net->in;

	net->window.nr = net->window.nr_iov = 0;
	net->window.len = 0;
	if (!in->len || in->complete) {
		in_next(net);
	} else {
		in->drop = true;
		in->room = 0;
	}
}

void net_receive(struct net *net)
{
	struct virtq *vq = &net->dev.vq[NET_RX];
	unsigned int budget = NET_BUDGET;

	while (budget-- && net->up) {
		window_fill(net, NET_HDR + NET_FRAME_MAX);
		if (vq->broken)
			break;
		if (!net->window.nr) {
			net->starved = true;
			break;
		}
		if (net->in.complete) {
			net->in.complete = false;
			if (!deliver(net)) {
				net->starved = true;
				break;
			}
		} else if (!(net->cfg.stream ? read_stream(net) : read_packet(net))) {
			net->starved = net->in.complete;
			break;
		}
		/* A burst of frames is worth few interrupts, one frame does not wait for others. */
		if (budget % NET_BURST == 0)
			dev_queue_done(&net->dev, NET_RX);
	}
	dev_queue_done(&net->dev, NET_RX);
	/* Whatever comes next, of both sides. */
	dev_again(&net->dev, NET_TX);
}
