// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets of the guest, and those for it (virtio 1.2, section 5.10.6). */
#include "conns.h"

#include <endian.h>
#include <string.h>

#include "base/util.h"

#define BOTH	(VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)

/* ---- from the guest ---- */

static void request(struct conns *v, struct conn *c, uint32_t guest_port, uint32_t host_port)
{
	if (c) {
		conn_reset(v, c);
		return;
	}
	c = conn_new(v, CONN_DIALLING, -1);
	if (!c) {
		conns_refuse(v, guest_port, host_port, HOST_CID);
		return;
	}
	conn_name(v, c, guest_port, host_port);
	c->peer_alloc = le32toh(v->in.hdr.buf_alloc);
	c->peer_forwarded = le32toh(v->in.hdr.fwd_cnt);
	host_dial(v, c);
}

static void shut(struct conns *v, struct conn *c, uint32_t flags)
{
	if (flags & VIRTIO_VSOCK_SHUTDOWN_SEND)
		c->guest_eof = true;
	if (flags & VIRTIO_VSOCK_SHUTDOWN_RCV)
		c->guest_deaf = true;
	host_settle(v, c);
}

/* Return: 0, or the connection has to end. */
static int data(struct conns *v, struct conn *c, size_t len)
{
	if (c->guest_eof || c->got - c->forwarded + len > BUF_ALLOC)
		return -1;
	c->got += len;
	return host_write(v, c, v->in.data, len);
}

static void open_packet(struct conns *v, struct conn *c, unsigned int op, size_t len)
{
	switch (op) {
	case VIRTIO_VSOCK_OP_RW:
		if (data(v, c, len))
			conn_reset(v, c);
		else
			host_settle(v, c);
		return;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		shut(v, c, le32toh(v->in.hdr.flags));
		return;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
		conn_owe(v, c, 0);
		return;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		conn_owe(v, c, OWE_CREDIT);
		return;
	}
	conn_reset(v, c);
}

static void known_packet(struct conns *v, struct conn *c, unsigned int op, size_t len)
{
	c->peer_alloc = le32toh(v->in.hdr.buf_alloc);
	c->peer_forwarded = le32toh(v->in.hdr.fwd_cnt);
	if (c->state == CONN_OPEN) {
		open_packet(v, c, op, len);
		/* In the list by open_packet() or not: with more room it may have something. */
		c = conn_find(v, le32toh(v->in.hdr.src_port), le32toh(v->in.hdr.dst_port));
		if (c && c->readable)
			conn_owe(v, c, 0);
	} else if (c->state == CONN_ASKED && op == VIRTIO_VSOCK_OP_RESPONSE && !(c->owe & OWE_REQUEST)) {
		host_opened(v, c);
	} else {
		conn_reset(v, c);
	}
}

void guest_packet(struct conns *v, size_t len)
{
	const struct virtio_vsock_hdr *h = &v->in.hdr;
	uint32_t guest_port = le32toh(h->src_port), host_port = le32toh(h->dst_port);
	unsigned int op = le16toh(h->op);
	struct conn *c;

	/* Not from this guest, or no packet: nobody to answer. */
	if (le64toh(h->src_cid) != v->cid || len > VSOCK_PAYLOAD_MAX || len != le32toh(h->len))
		return;
	c = le64toh(h->dst_cid) == HOST_CID ? conn_find(v, guest_port, host_port) : NULL;
	if (op == VIRTIO_VSOCK_OP_RST) {
		if (c)
			conn_forget(v, c);
	} else if (c && le16toh(h->type) != VIRTIO_VSOCK_TYPE_STREAM) {
		conn_reset(v, c);
	} else if (le64toh(h->dst_cid) != HOST_CID || le16toh(h->type) != VIRTIO_VSOCK_TYPE_STREAM) {
		conns_refuse(v, guest_port, host_port, le64toh(h->dst_cid));
	} else if (op == VIRTIO_VSOCK_OP_REQUEST) {
		request(v, c, guest_port, host_port);
	} else if (c) {
		known_packet(v, c, op, len);
	} else {
		conns_refuse(v, guest_port, host_port, HOST_CID);
	}
}

/* ---- to the guest ---- */

static size_t fill(struct conns *v, const struct conn *c, unsigned int op, uint32_t flags, size_t len)
{
	v->out.hdr = (struct virtio_vsock_hdr){
		.src_cid = htole64(HOST_CID), .dst_cid = htole64(v->cid),
		.src_port = htole32(c->host_port), .dst_port = htole32(c->guest_port),
		.len = htole32(len), .type = htole16(VIRTIO_VSOCK_TYPE_STREAM), .op = htole16(op), .flags = htole32(flags),
		.buf_alloc = htole32(BUF_ALLOC), .fwd_cnt = htole32(c->forwarded),
	};
	return VSOCK_HDR + len;
}

/* Bytes that it has room for. */
static uint32_t credit(const struct conn *c)
{
	uint32_t under_way = c->sent - c->peer_forwarded;

	return under_way < c->peer_alloc ? c->peer_alloc - under_way : 0;
}

/* Ends of the host's that the guest has not heard of. */
static unsigned int untold(const struct conn *c)
{
	unsigned int now = (c->host_eof ? VIRTIO_VSOCK_SHUTDOWN_SEND : 0) | (c->host_deaf ? VIRTIO_VSOCK_SHUTDOWN_RCV : 0);

	return now & ~c->told;
}

/* The most urgent packet of one connection; 0: none. */
static size_t next_of(struct conns *v, struct conn *c)
{
	unsigned int flags;
	size_t n, max;

	if (c->owe & OWE_REQUEST) {
		c->owe &= ~OWE_REQUEST;
		return fill(v, c, VIRTIO_VSOCK_OP_REQUEST, 0, 0);
	}
	if (c->owe & OWE_RESPONSE) {
		c->owe &= ~OWE_RESPONSE;
		return fill(v, c, VIRTIO_VSOCK_OP_RESPONSE, 0, 0);
	}
	if (c->state != CONN_OPEN)
		return 0;
	max = min_t(size_t, credit(c), VSOCK_PAYLOAD_MAX);
	if (max)
		c->asked_credit = false;
	if (c->readable && !c->host_eof && !c->guest_deaf && max) {
		n = host_read(v, c, v->out.data, max);
		if (n) {
			c->sent += n;
			c->said = c->forwarded;
			c->owe &= ~OWE_CREDIT;
			return fill(v, c, VIRTIO_VSOCK_OP_RW, 0, n);
		}
	} else if (c->readable && !c->host_eof && !c->guest_deaf && !c->asked_credit) {
		c->asked_credit = true;
		return fill(v, c, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0, 0);
	}
	flags = untold(c);
	if (flags) {
		c->told |= flags;
		return fill(v, c, VIRTIO_VSOCK_OP_SHUTDOWN, c->told, 0);
	}
	if (c->owe & OWE_CREDIT) {
		c->owe &= ~OWE_CREDIT;
		c->said = c->forwarded;
		return fill(v, c, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 0);
	}
	return 0;
}

size_t guest_next(struct conns *v)
{
	size_t n;

	if (v->nr_resets) {
		const struct refused *to = &v->reset[v->reset_first];
		const struct conn none = { .guest_port = to->guest_port, .host_port = to->host_port };

		v->reset_first = (v->reset_first + 1) % ARRAY_SIZE(v->reset);
		v->nr_resets--;
		n = fill(v, &none, VIRTIO_VSOCK_OP_RST, 0, 0);
		v->out.hdr.src_cid = htole64(to->cid);
		return n;
	}
	while (v->first) {
		struct conn *c = v->first;

		/* To the end of the list, or out of it: each has its turn. */
		v->first = c->ready_next;
		*(v->first ? &v->first->ready_prev : &v->last) = NULL;
		c->ready_next = c->ready_prev = NULL;
		c->ready = false;
		n = next_of(v, c);
		if (n) {
			conn_owe(v, c, 0);
			return n;
		}
	}
	return 0;
}
