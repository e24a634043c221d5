/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a frame is: the fields that decide about it, each with its length checked.
 *
 * Stricter than libslirp: what the parser does not understand, as IP options and
 * IPv6 extension headers, is not passed on.
 */
#ifndef R3_NAT_FRAME_H
#define R3_NAT_FRAME_H

#include "addr.h"

#define ETH_HEAD	14
#define FRAME_MAX	(65535 + 18)	/* the longest packet, with an Ethernet header and a VLAN tag */

#define FRAME_SYN	0x02
#define FRAME_ACK	0x10

enum frame_kind { FRAME_ARP, FRAME_IP4, FRAME_IP6 };

struct frame {
	enum frame_kind kind;
	size_t len;			/* without what follows the packet */
	struct net_addr src, dst;
	uint8_t proto;			/* IPPROTO_TCP, UDP, ICMP, ICMPV6 */
	bool fragment;			/* a part of a packet; src and dst ports of the first one only */
	bool first;			/* there is a transport header */
	bool options;			/* TCP has some */
	uint16_t l4;			/* where the transport header is */
	uint16_t l4_len;		/* with its data */
	uint16_t head;			/* length of the transport header */
	uint16_t sport, dport;
	uint8_t flags;			/* TCP */
	uint8_t type;			/* ICMP */
};

/**
 * frame_parse() - look at a frame
 *
 * Return: 0; -EPROTONOSUPPORT for a protocol that is not carried, -EBADMSG for
 * a frame that contradicts itself, -EOPNOTSUPP for IP options and extension headers.
 */
int frame_parse(const uint8_t *p, size_t len, struct frame *frame);

/* The Internet checksum's sum, to be added to @sum; @len may be odd only at the end. */
uint64_t sum_add(uint64_t sum, const void *p, size_t len);
/* Return: the checksum as it is stored, in network order. */
uint16_t sum_end(uint64_t sum);
/* Of the transport header with its pseudo header, as if its own field were 0. */
uint16_t frame_sum(const uint8_t *p, const struct frame *frame);
/* Where that is stored, from the transport header on. */
unsigned int frame_sum_at(const struct frame *frame);

static inline uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

#endif
