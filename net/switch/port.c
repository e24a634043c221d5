// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A member's socket. All its messages are hostile; what it does not read is kept
 * up to a bound, and dropped beyond.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "segment.h"
#include "switch.h"

#define BUDGET		128	/* frames, before it is another member's turn */
#define LONG		16384	/* bytes of a frame of which BATCH_LONG are read at once */

struct port *port_find(struct sw *sw, const char *name)
{
	unsigned int i;

	for (i = 0; i < sw->ports; i++)
		if (sw->port[i] && !sw->port[i]->source.dead && !strcmp(sw->port[i]->name, name))
			return sw->port[i];
	return NULL;
}

struct port *port_new(struct sw *sw, const char *name, int fd)
{
	struct port *p;
	unsigned int i;

	for (i = 0; i < PORTS_MAX && sw->port[i]; i++)
		;
	if (i == PORTS_MAX)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->out = malloc(OUT_FRAMES_MAX * sizeof(*p->out));
	if (!p->out || source_add(sw, &p->source, SOURCE_PORT, fd, EPOLLIN)) {
		free(p->out);
		free(p);
		return NULL;
	}
	p->companion.fd = -1;
	p->sw = sw;
	p->number = i + 1;
	p->serial = ++sw->serial;
	p->offload = true;
	p->joined = time(NULL);
	snprintf(p->name, sizeof(p->name), "%s", name);
	fdb_port_init(&p->fdb);
	cable_init(&p->tx, &sw->cables);
	cable_init(&p->rx, &sw->cables);
	p->rx.to_member = true;
	sw->port[i] = p;
	if (i >= sw->ports)
		sw->ports = i + 1;
	return p;
}

void port_end(struct port *p)
{
	if (p->source.dead)
		return;
	p->source.dead = true;
	p->sw->reap = true;
	capture_port_end(p->sw, p);
}

void port_free(struct port *p)
{
	struct sw *sw = p->sw;

	fdb_forget(&sw->fdb, &p->fdb);
	cable_close(&p->tx);
	cable_close(&p->rx);
	for (; p->out_n; p->out_n--) {
		struct frame *f = p->out[p->out_head++ & (OUT_FRAMES_MAX - 1)];

		sw->out_bytes -= f->size;
		frame_put(f);
	}
	source_close(sw, &p->source);
	source_close(sw, &p->companion);
	sw->port[p->number - 1] = NULL;
	while (sw->ports && !sw->port[sw->ports - 1])
		sw->ports--;
	free(p->out);
	free(p);
}

/* ---- from the member ---- */

/* All buffers are the switch's own again. */
static bool fill_buffers(struct sw *sw)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		struct frame *f = sw->rx[i];

		if (f && !f->pooled) {
			frame_put(f);
			f = NULL;
		}
		if (!f)
			f = frame_new(FRAME_MAX + 1);
		sw->rx[i] = f;
		if (!f)
			return false;
		f->pooled = true;
	}
	return true;
}

static void received(struct port *p, struct frame *f, size_t len)
{
	enum drop drop;

	f->data = f->room;
	f->len = len < FRAME_HDR ? 0 : len - FRAME_HDR;
	drop = frame_admit(f, &p->rule, p->sw->mtu);
	if (drop) {
		p->stats.drop_in[drop]++;
		return;
	}
	p->stats.in_frames++;
	p->stats.in_packets += frame_packets(f);
	p->stats.in_bytes += frame_wire_bytes(f);
	cable_put(&p->tx, f, p->sw->now);
}

/* Nothing was read: the member is gone, or it sent an empty message. */
static bool has_ended(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };

	return poll(&pfd, 1, 0) > 0 && pfd.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

/* Return: messages read, 0 if there are none, or -errno. */
static int read_socket(struct port *p, size_t *len, unsigned int batch)
{
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH][2];
	int i, n;

	memset(msg, 0, batch * sizeof(msg[0]));
	for (i = 0; i < (int)batch; i++) {
		struct frame *f = p->sw->rx[i];

		iov[i][0] = (struct iovec){ &f->hdr, FRAME_HDR };
		iov[i][1] = (struct iovec){ f->room, FRAME_MAX + 1 };
		msg[i].msg_hdr.msg_iov = iov[i];
		msg[i].msg_hdr.msg_iovlen = 2;
	}
	n = recvmmsg(p->source.fd, msg, batch, MSG_DONTWAIT, NULL);
	if (n < 0)
		return -errno;
	for (i = 0; i < n; i++) {
		len[i] = msg[i].msg_len;
		if (!len[i] && has_ended(p->source.fd))
			return i ? i : -ECONNRESET;
	}
	return n;
}

static int read_tap(struct port *p, size_t *len, unsigned int batch)
{
	ssize_t got;
	int i;

	for (i = 0; i < (int)batch; i++) {
		struct frame *f = p->sw->rx[i];
		struct iovec iov[2] = { { &f->hdr, FRAME_HDR }, { f->room, FRAME_MAX + 1 } };

		got = readv(p->source.fd, iov, 2);
		if (got < 0)
			return i ? i : -errno;
		len[i] = got;
	}
	return i;
}

void port_readable(struct port *p)
{
	unsigned int budget, batch, n;
	struct sw *sw = p->sw;
	size_t len[BATCH];

	for (budget = BUDGET; budget && !p->source.dead; budget -= batch) {
		unsigned int i;
		int ret;

		batch = min_t(unsigned int, p->sends_long ? BATCH_LONG : BATCH, budget);
		if (!fill_buffers(sw))
			return;
		ret = p->is_tap ? read_tap(p, len, batch) : read_socket(p, len, batch);
		if (ret == -EAGAIN || ret == -EINTR)
			return;
		if (ret < 0) {
			port_end(p);
			return;
		}
		n = ret;
		p->sends_long = false;
		for (i = 0; i < n; i++) {
			p->sends_long |= len[i] >= LONG;
			received(p, sw->rx[i], len[i]);
		}
		forward_flush(sw);
		if (n < batch)
			return;
	}
}

/* ---- to the member ---- */

static void drop_out(struct port *p, const struct frame *f, enum drop why)
{
	p->stats.drop_out[why] += frame_packets(f);
}

static void enqueue(struct port *p, struct frame *f)
{
	/* Members that do not read must not take the few frames of one that does. */
	bool all_full = p->out_n >= OUT_FRAMES_SURE && p->sw->out_bytes + f->size > OUT_BYTES_ALL;

	if (all_full || p->out_n == OUT_FRAMES_MAX || p->out_bytes + f->len > OUT_BYTES_MAX) {
		drop_out(p, f, DROP_QUEUE);
		return;
	}
	p->out[(p->out_head + p->out_n++) & (OUT_FRAMES_MAX - 1)] = frame_get(f);
	p->out_bytes += f->len;
	p->sw->out_bytes += f->size;
	p->dirty = true;
}

/* The member takes whole packets only. */
static void enqueue_packets(struct port *p, const struct frame *f)
{
	unsigned int i, n = frame_packets(f);

	for (i = 0; i < n; i++) {
		struct frame *s = f->gso ? segment_make(f, i) : frame_copy(f);

		if (!s) {
			p->stats.drop_out[DROP_MEMORY]++;
			continue;
		}
		frame_complete(s);
		enqueue(p, s);
		frame_put(s);
	}
}

void port_send(struct port *p, struct frame *f)
{
	if (p->source.dead)
		return;
	if (!p->offload && (f->gso || f->hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		enqueue_packets(p, f);
	else
		enqueue(p, f);
}

/* A frame as the port's cable has it, with a tag if it needs one. */
struct wire {
	struct virtio_net_hdr_v1 hdr;
	uint8_t tag[TAG_BYTES];
	struct iovec iov[4];
	unsigned int n;
};

static void make_wire(const struct port *p, struct frame *f, struct wire *w)
{
	w->hdr = f->hdr;
	w->iov[0] = (struct iovec){ &w->hdr, FRAME_HDR };
	if (!vlan_tagged(&p->rule, VLAN_ID(f->tci))) {
		w->iov[1] = (struct iovec){ f->data, f->len };
		w->n = 2;
		return;
	}
	put16(w->tag, 0x8100);
	put16(w->tag + 2, f->tci);
	if (f->hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		w->hdr.csum_start += TAG_BYTES;
	if (f->gso)
		w->hdr.hdr_len += TAG_BYTES;
	w->iov[1] = (struct iovec){ f->data, 12 };
	w->iov[2] = (struct iovec){ w->tag, TAG_BYTES };
	w->iov[3] = (struct iovec){ f->data + 12, f->len - 12 };
	w->n = 4;
}

static int write_socket(struct port *p, struct wire *w, unsigned int n)
{
	struct mmsghdr msg[BATCH];
	unsigned int i;
	int ret;

	memset(msg, 0, n * sizeof(msg[0]));
	for (i = 0; i < n; i++) {
		msg[i].msg_hdr.msg_iov = w[i].iov;
		msg[i].msg_hdr.msg_iovlen = w[i].n;
	}
	ret = sendmmsg(p->source.fd, msg, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return ret < 0 ? -errno : ret;
}

static int write_tap(struct port *p, struct wire *w, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (writev(p->source.fd, w[i].iov, w[i].n) < 0)
			return i ? (int)i : -errno;
	return n;
}

static void pop(struct port *p, bool sent)
{
	struct frame *f = p->out[p->out_head++ & (OUT_FRAMES_MAX - 1)];

	p->out_n--;
	if (p->out_kept)
		p->out_kept--;
	p->out_bytes -= f->len;
	p->sw->out_bytes -= f->size;
	if (sent) {
		p->stats.out_frames++;
		p->stats.out_packets += frame_packets(f);
		p->stats.out_bytes += frame_wire_bytes(f);
	} else {
		drop_out(p, f, DROP_QUEUE);
	}
	frame_put(f);
}

static void drop_tail(struct port *p, unsigned int left)
{
	while (p->out_n > left) {
		struct frame *f = p->out[(p->out_head + --p->out_n) & (OUT_FRAMES_MAX - 1)];

		p->out_bytes -= f->len;
		p->sw->out_bytes -= f->size;
		drop_out(p, f, DROP_MEMORY);
		frame_put(f);
	}
}

/* What could not be sent leaves the buffers for receiving. */
static void keep_queue(struct port *p)
{
	for (; p->out_kept < p->out_n; p->out_kept++) {
		struct frame **slot = &p->out[(p->out_head + p->out_kept) & (OUT_FRAMES_MAX - 1)], *f = *slot, *kept;

		if (!f->pooled)
			continue;
		kept = frame_keep(f);
		if (!kept) {
			drop_tail(p, p->out_kept);
			return;
		}
		p->sw->out_bytes += kept->size;
		p->sw->out_bytes -= f->size;
		frame_put(f);
		*slot = kept;
	}
}

void port_flush(struct port *p)
{
	struct wire wire[BATCH];
	unsigned int n, i;
	int sent;

	p->dirty = false;
	while (p->out_n && !p->source.dead) {
		n = min_t(unsigned int, p->out_n, BATCH);
		for (i = 0; i < n; i++)
			make_wire(p, p->out[(p->out_head + i) & (OUT_FRAMES_MAX - 1)], &wire[i]);
		sent = p->is_tap ? write_tap(p, wire, n) : write_socket(p, wire, n);
		if (sent == -EAGAIN || sent == -ENOBUFS || sent == -EINTR)
			break;
		if (sent == -EPIPE || sent == -ECONNRESET || sent == -EBADF || sent == -ENOTCONN) {
			port_end(p);
			break;
		}
		/* Its first frame is one that is not taken, as by a tap device that is down. */
		if (sent <= 0)
			pop(p, false);
		for (; sent > 0; sent--)
			pop(p, true);
	}
	keep_queue(p);
	source_events(p->sw, &p->source, EPOLLIN | (p->out_n ? EPOLLOUT : 0));
}
