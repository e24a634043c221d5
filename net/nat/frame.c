// SPDX-License-Identifier: GPL-2.0-or-later
#include "frame.h"

#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#define IP4_HEAD	20
#define IP6_HEAD	40

__attribute__((optimize("O3")))
uint64_t sum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t word;
	uint16_t half;

	for (; len >= 4; p += 4, len -= 4) {
		memcpy(&word, p, 4);
		sum += word;
	}
	if (len >= 2) {
		memcpy(&half, p, 2);
		sum += half;
		p += 2;
		len -= 2;
	}
	if (len) {
		half = 0;
		memcpy(&half, p, 1);
		sum += half;
	}
	return sum;
}

uint16_t sum_end(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

unsigned int frame_sum_at(const struct frame *f)
{
	return f->proto == IPPROTO_TCP ? 16 : f->proto == IPPROTO_UDP ? 6 : 2;
}

uint16_t frame_sum(const uint8_t *p, const struct frame *f)
{
	unsigned int at = frame_sum_at(f);
	uint64_t sum = 0;

	if (f->proto != IPPROTO_ICMP) {
		sum = sum_add(sum, f->src.b, net_addr_len(&f->src));
		sum = sum_add(sum, f->dst.b, net_addr_len(&f->dst));
		sum += htonl(f->l4_len);
		sum += htonl(f->proto);
	}
	sum = sum_add(sum, p + f->l4, at);
	return sum_end(sum_add(sum, p + f->l4 + at + 2, f->l4_len - at - 2));
}

static int parse_transport(const uint8_t *p, struct frame *f)
{
	const uint8_t *h = p + f->l4;

	switch (f->proto) {
	case IPPROTO_TCP:
		if (f->fragment)
			return -EOPNOTSUPP;
		if (f->l4_len < 20)
			return -EBADMSG;
		f->head = (h[12] >> 4) * 4;
		if (f->head < 20 || f->head > f->l4_len)
			return -EBADMSG;
		f->options = f->head > 20;
		f->flags = h[13];
		break;
	case IPPROTO_UDP:
		if (f->fragment && !f->first)
			return 0;
		if (f->l4_len < 8)
			return -EBADMSG;
		f->head = 8;
		/* Of a first fragment it is longer than what is here. */
		if (!f->fragment && (get16(h + 4) < 8 || get16(h + 4) > f->l4_len))
			return -EBADMSG;
		if (!f->fragment)
			f->l4_len = get16(h + 4);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if ((f->proto == IPPROTO_ICMP) != (f->kind == FRAME_IP4))
			return -EPROTONOSUPPORT;
		if (f->fragment && !f->first)
			return 0;
		if (f->l4_len < (f->proto == IPPROTO_ICMP ? 8 : 4))
			return -EBADMSG;
		f->head = 4;
		f->type = h[0];
		return 0;
	default:
		return -EPROTONOSUPPORT;
	}
	f->sport = get16(h);
	f->dport = get16(h + 2);
	return 0;
}

static int parse_ip4(const uint8_t *p, size_t len, struct frame *f)
{
	const uint8_t *ip = p + ETH_HEAD;
	unsigned int total, off;

	if (len < ETH_HEAD + IP4_HEAD || ip[0] >> 4 != 4)
		return -EBADMSG;
	f->src = net_addr4(ip + 12);
	f->dst = net_addr4(ip + 16);
	f->proto = ip[9];
	total = get16(ip + 2);
	if ((ip[0] & 15) < 5 || total < (ip[0] & 15) * 4u || total > len - ETH_HEAD)
		return -EBADMSG;
	if ((ip[0] & 15) > 5)
		return -EOPNOTSUPP;
	off = get16(ip + 6);
	f->fragment = off & 0x3fff;
	f->first = !(off & 0x1fff);
	if ((off & 0x1fff) * 8 + total > 65535)
		return -EBADMSG;
	f->l4 = ETH_HEAD + IP4_HEAD;
	f->l4_len = total - IP4_HEAD;
	f->len = ETH_HEAD + total;
	return parse_transport(p, f);
}

static int parse_ip6(const uint8_t *p, size_t len, struct frame *f)
{
	const uint8_t *ip = p + ETH_HEAD;
	unsigned int payload;

	if (len < ETH_HEAD + IP6_HEAD || ip[0] >> 4 != 6)
		return -EBADMSG;
	f->src = net_addr6(ip + 8);
	f->dst = net_addr6(ip + 24);
	f->proto = ip[6];
	payload = get16(ip + 4);
	if (payload > len - ETH_HEAD - IP6_HEAD)
		return -EBADMSG;
	f->first = true;
	f->l4 = ETH_HEAD + IP6_HEAD;
	f->l4_len = payload;
	f->len = ETH_HEAD + IP6_HEAD + payload;
	switch (f->proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_AH:
	case IPPROTO_DSTOPTS:
		return -EOPNOTSUPP;
	}
	return parse_transport(p, f);
}

int frame_parse(const uint8_t *p, size_t len, struct frame *f)
{
	memset(f, 0, sizeof(*f));
	if (len < ETH_HEAD || len > FRAME_MAX)
		return -EBADMSG;
	f->len = len;
	switch (get16(p + 12)) {
	case ETHERTYPE_ARP:
		f->kind = FRAME_ARP;
		/* Ethernet and IPv4 only. */
		if (len < ETH_HEAD + 28 || get32(p + ETH_HEAD) != 0x00010800 || get16(p + ETH_HEAD + 4) != 0x0604)
			return -EBADMSG;
		return 0;
	case ETHERTYPE_IP:
		f->kind = FRAME_IP4;
		return parse_ip4(p, len, f);
	case ETHERTYPE_IPV6:
		f->kind = FRAME_IP6;
		return parse_ip6(p, len, f);
	default:
		return -EPROTONOSUPPORT;
	}
}
