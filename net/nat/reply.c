// SPDX-License-Identifier: GPL-2.0-or-later
#include "reply.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#define TTL	64

void reply_to(struct reply_to *to, const uint8_t *p, const struct frame *f)
{
	memcpy(to->guest_mac, p + 6, 6);
	memcpy(to->our_mac, p, 6);
	/* Nobody answers from a group's address. */
	to->our_mac[0] &= ~1;
	to->src = f->dst;
	to->dst = f->src;
	to->sport = f->dport;
	to->dport = f->sport;
}

/* Ethernet and IP, for @len bytes of transport. Return: where those start. */
static size_t begin(uint8_t *out, const struct reply_to *to, uint8_t proto, size_t len, struct frame *f)
{
	uint8_t *ip = out + ETH_HEAD;
	uint16_t sum;

	memset(f, 0, sizeof(*f));
	memcpy(out, to->guest_mac, 6);
	memcpy(out + 6, to->our_mac, 6);
	f->src = to->src;
	f->dst = to->dst;
	f->proto = proto;
	f->l4_len = len;
	if (to->src.family == AF_INET) {
		f->kind = FRAME_IP4;
		f->l4 = ETH_HEAD + 20;
		put16(out + 12, ETHERTYPE_IP);
		memset(ip, 0, 20);
		ip[0] = 0x45;
		put16(ip + 2, 20 + len);
		ip[8] = TTL;
		ip[9] = proto;
		memcpy(ip + 12, to->src.b, 4);
		memcpy(ip + 16, to->dst.b, 4);
		sum = sum_end(sum_add(0, ip, 20));
		memcpy(ip + 10, &sum, 2);
	} else {
		f->kind = FRAME_IP6;
		f->l4 = ETH_HEAD + 40;
		put16(out + 12, ETHERTYPE_IPV6);
		memset(ip, 0, 8);
		ip[0] = 0x60;
		put16(ip + 4, len);
		ip[6] = proto;
		ip[7] = TTL;
		memcpy(ip + 8, to->src.b, 16);
		memcpy(ip + 24, to->dst.b, 16);
	}
	f->len = f->l4 + len;
	return f->l4;
}

static size_t end(uint8_t *out, const struct frame *f)
{
	uint16_t sum = frame_sum(out, f);

	if (!sum && f->proto == IPPROTO_UDP)
		sum = 0xffff;
	memcpy(out + f->l4 + frame_sum_at(f), &sum, 2);
	return f->len;
}

size_t reply_udp(uint8_t *out, const struct reply_to *to, const void *data, size_t len)
{
	struct frame f;
	uint8_t *h = out + begin(out, to, IPPROTO_UDP, 8 + len, &f);

	put16(h, to->sport);
	put16(h + 2, to->dport);
	put16(h + 4, 8 + len);
	memcpy(h + 8, data, len);
	return end(out, &f);
}

size_t reply_echo(uint8_t *out, const struct reply_to *to, const uint8_t *echo, size_t len)
{
	bool v4 = to->src.family == AF_INET;
	struct frame f;
	uint8_t *h = out + begin(out, to, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, len, &f);

	memcpy(h, echo, len);
	h[0] = v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	h[1] = 0;
	return end(out, &f);
}

size_t reply_prohibited(uint8_t *out, const uint8_t *p, const struct frame *f)
{
	/* IPv4: header and 8 bytes; IPv6: as much as fits into the smallest MTU. */
	size_t quote = f->len - ETH_HEAD, most = f->kind == FRAME_IP4 ? 548 : 1280 - 48;
	struct reply_to to;
	struct frame of;
	uint8_t *h;

	/* No errors about errors, nor to and from groups. */
	if (f->kind == FRAME_ARP || !f->first || (p[0] & 1) ||
	    (f->proto == IPPROTO_ICMP && f->type != ICMP_ECHO) ||
	    (f->proto == IPPROTO_ICMPV6 && !(f->type & 0x80)))
		return 0;
	reply_to(&to, p, f);
	if (quote > most)
		quote = most;
	h = out + begin(out, &to, f->kind == FRAME_IP4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, 8 + quote, &of);
	memset(h, 0, 8);
	h[0] = f->kind == FRAME_IP4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH;
	h[1] = f->kind == FRAME_IP4 ? ICMP_PKT_FILTERED : ICMP6_DST_UNREACH_ADMIN;
	memcpy(h + 8, p + ETH_HEAD, quote);
	return end(out, &of);
}

size_t reply_reset(uint8_t *out, const uint8_t *p, const struct frame *f)
{
	const uint8_t *in = p + f->l4;
	struct reply_to to;
	struct frame of;
	uint8_t *h;

	if (f->flags & 0x04)
		return 0;
	reply_to(&to, p, f);
	h = out + begin(out, &to, IPPROTO_TCP, 20, &of);
	memset(h, 0, 20);
	put16(h, to.sport);
	put16(h + 2, to.dport);
	if (f->flags & FRAME_ACK) {
		put32(h + 4, get32(in + 8));
		h[13] = 0x04;
	} else {
		put32(h + 8, get32(in + 4) + f->l4_len - f->head + !!(f->flags & FRAME_SYN) + (f->flags & 1));
		h[13] = 0x14;
	}
	h[12] = 5 << 4;
	return end(out, &of);
}

size_t reply_tcp(uint8_t *out, const struct reply_to *to, uint32_t seq, uint32_t ack, uint8_t flags, uint16_t window)
{
	struct frame f;
	uint8_t *h = out + begin(out, to, IPPROTO_TCP, 20, &f);

	memset(h, 0, 20);
	put16(h, to->sport);
	put16(h + 2, to->dport);
	put32(h + 4, seq);
	put32(h + 8, ack);
	h[12] = 5 << 4;
	h[13] = flags;
	put16(h + 14, window);
	return end(out, &f);
}
