// SPDX-License-Identifier: GPL-2.0-or-later
#include "segment.h"

#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include "bytes.h"

#define TCP_FIN		0x01
#define TCP_PSH		0x08
#define TCP_CWR		0x80

/* Length and, of IPv4, identification and checksum. */
static void fix_ip(uint8_t *ip, unsigned int len, unsigned int i)
{
	if (ip[0] >> 4 == 6) {
		put16(ip + 4, len - 40);
		return;
	}
	put16(ip + 2, len);
	put16(ip + 4, get16(ip + 4) + i);
	put16(ip + 10, 0);
	put16(ip + 10, ~csum_fold(csum_add(0, ip, (ip[0] & 15) * 4)));
}

/* The sum that the receiver's card would go on from. */
static uint16_t pseudo_sum(const uint8_t *ip, uint8_t proto, unsigned int len)
{
	uint8_t tail[8] = { 0 };
	uint64_t sum;

	put32(tail, len);
	tail[7] = proto;
	sum = ip[0] >> 4 == 6 ? csum_add(0, ip + 8, 32) : csum_add(0, ip + 12, 8);
	return csum_fold(csum_add(sum, tail, sizeof(tail)));
}

struct frame *segment_make(const struct frame *f, unsigned int i)
{
	unsigned int size = le16toh(f->hdr.gso_size), from = f->payload + i * size;
	unsigned int n = f->len - from < size ? f->len - from : size;
	bool last = from + n == f->len, udp = f->gso == VIRTIO_NET_HDR_GSO_UDP_L4;
	struct frame *s = frame_new(f->payload + n);
	uint8_t *l4;

	if (!s)
		return NULL;
	memcpy(s->data, f->data, f->payload);
	memcpy(s->data + f->payload, f->data + from, n);
	s->tci = f->tci;
	s->hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	s->hdr.csum_start = f->hdr.csum_start;
	s->hdr.csum_offset = f->hdr.csum_offset;

	l4 = s->data + f->l4;
	fix_ip(s->data + ETH_HEADER, s->len - ETH_HEADER, i);
	if (udp) {
		put16(l4 + 4, s->len - f->l4);
		put16(l4 + 6, pseudo_sum(s->data + ETH_HEADER, IPPROTO_UDP, s->len - f->l4));
		return s;
	}
	put32(l4 + 4, get32(l4 + 4) + i * size);
	if (!last)
		l4[13] &= ~(TCP_FIN | TCP_PSH);
	if (i)
		l4[13] &= ~TCP_CWR;
	put16(l4 + 16, pseudo_sum(s->data + ETH_HEADER, IPPROTO_TCP, s->len - f->l4));
	return s;
}
