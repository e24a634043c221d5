// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. A checksum that is left out is computed anew over the
 * packet that the parser has seen; of the guest's csum_start and csum_offset
 * only that they mean its transport header is needed.
 *
 * A TCP frame that is longer than the MTU (TSO) is one segment to libslirp, as
 * long as IPv4 can carry it: it looks at the checksum only. Over IPv6 libslirp
 * refuses packets longer than its MTU, so these are cut into pieces of as many
 * of the guest's segments as fit. UDP (USO) is cut into the datagrams that the
 * guest meant.
 */
#include "offload.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define FIN_PSH	0x09
#define CWR	0x80

static void finish_sum(uint8_t *p, const struct frame *f)
{
	unsigned int at = f->l4 + frame_sum_at(f);
	uint16_t sum = frame_sum(p, f);

	/* 0 of UDP means that there is none. */
	if (!sum && f->proto == IPPROTO_UDP)
		sum = 0xffff;
	memcpy(p + at, &sum, 2);
}

static void finish_ip4(uint8_t *ip)
{
	uint16_t sum;

	put16(ip + 10, 0);
	sum = sum_end(sum_add(0, ip, 20));
	memcpy(ip + 10, &sum, 2);
}

/* A piece of @len bytes of data, @off of it before; @n pieces before. */
static void cut_one(const uint8_t *p, const struct frame *f, size_t off, size_t len, unsigned int n,
		    bool last, uint8_t *out, struct frame *of)
{
	unsigned int head = f->l4 + f->head;
	uint8_t *ip = out + ETH_HEAD, *h = out + f->l4;

	memcpy(out, p, head);
	memcpy(out + head, p + head + off, len);
	*of = *f;
	of->l4_len = f->head + len;
	of->len = head + len;
	if (f->kind == FRAME_IP4) {
		put16(ip + 2, of->len - ETH_HEAD);
		put16(ip + 4, get16(ip + 4) + n);
		finish_ip4(ip);
	} else {
		put16(ip + 4, of->l4_len);
	}
	if (f->proto == IPPROTO_UDP) {
		put16(h + 4, of->l4_len);
	} else {
		put32(h + 4, get32(h + 4) + off);
		if (!last)
			h[13] &= ~FIN_PSH;
		if (n)
			h[13] &= ~CWR;
		of->flags = h[13];
	}
	finish_sum(out, of);
}

static int cut(uint8_t *p, const struct frame *f, unsigned int piece,
	       void (*emit)(void *arg, uint8_t *p, const struct frame *frame), void *arg)
{
	size_t data = f->l4_len - f->head, off, len;
	static uint8_t out[FRAME_MAX];
	struct frame of;
	unsigned int n;

	if (!piece || data / piece >= OFFLOAD_SEGMENTS)
		return -EBADMSG;
	for (off = 0, n = 0; off < data; off += len, n++) {
		len = data - off < piece ? data - off : piece;
		cut_one(p, f, off, len, n, off + len == data, out, &of);
		emit(arg, out, &of);
	}
	return 0;
}

int offload_finish(const struct virtio_net_hdr_v1 *hdr, uint8_t *p, const struct frame *f,
		   unsigned int mtu, void (*emit)(void *arg, uint8_t *p, const struct frame *frame),
		   void *arg)
{
	unsigned int gso = hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	unsigned int size = le16toh(hdr->gso_size), piece;
	bool sum = hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	if (sum && (f->kind == FRAME_ARP || f->fragment || f->proto == IPPROTO_ICMP ||
		    le16toh(hdr->csum_start) != f->l4 || le16toh(hdr->csum_offset) != frame_sum_at(f)))
		return -EBADMSG;
	if (gso == VIRTIO_NET_HDR_GSO_NONE) {
		if (sum)
			finish_sum(p, f);
		emit(arg, p, f);
		return 0;
	}
	if (!sum || !size)
		return -EBADMSG;
	if (gso == VIRTIO_NET_HDR_GSO_UDP_L4 && f->proto == IPPROTO_UDP)
		return cut(p, f, size, emit, arg);
	if (f->proto != IPPROTO_TCP ||
	    gso != (f->kind == FRAME_IP4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6))
		return -EBADMSG;
	if (f->kind == FRAME_IP4 || f->len - ETH_HEAD <= mtu) {
		finish_sum(p, f);
		emit(arg, p, f);
		return 0;
	}
	piece = mtu - (f->l4 - ETH_HEAD) - f->head;
	return cut(p, f, size < piece ? piece / size * size : piece, emit, arg);
}
