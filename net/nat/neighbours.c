// SPDX-License-Identifier: GPL-2.0-or-later
#include "neighbours.h"

#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

#include "frame.h"

static struct neighbour {
	struct net_addr addr;
	uint8_t mac[6];
	uint64_t seen;
} table[NEIGHBOURS];

/* An unsolicited neighbour advertisement (RFC 4861, 4.4) of the guest. */
static void advertise(const struct neighbour *n, void (*announce)(const uint8_t *p, size_t len))
{
	uint8_t p[ETH_HEAD + 40 + 24] = { 0x33, 0x33, 0, 0, 0, 1 };
	uint8_t *ip = p + ETH_HEAD, *na = ip + 40;
	struct frame f;
	uint16_t sum;

	memcpy(p + 6, n->mac, 6);
	put16(p + 12, ETHERTYPE_IPV6);
	ip[0] = 0x60;
	put16(ip + 4, 24);
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = 255;
	memcpy(ip + 8, n->addr.b, 16);
	ip[24] = 0xff;
	ip[25] = 2;
	ip[39] = 1;
	na[0] = ND_NEIGHBOR_ADVERT;
	na[4] = 0x20;
	memcpy(na + 8, n->addr.b, 16);
	if (frame_parse(p, sizeof(p), &f))
		return;
	sum = frame_sum(p, &f);
	memcpy(na + 2, &sum, 2);
	announce(p, sizeof(p));
}

bool neighbours_see(const struct net_addr *src, const uint8_t *mac, uint64_t now,
		    void (*announce)(const uint8_t *p, size_t len))
{
	struct neighbour *n = NULL, *oldest = &table[0];
	int i;

	for (i = 0; i < NEIGHBOURS; i++) {
		if (net_addr_same(&table[i].addr, src)) {
			n = &table[i];
			break;
		}
		if (table[i].seen < oldest->seen)
			oldest = &table[i];
	}
	if (!n) {
		if (oldest->seen && now - oldest->seen < NEIGHBOUR_IDLE_S)
			return false;
		n = oldest;
		n->addr = *src;
		memset(n->mac, 0, sizeof(n->mac));
	}
	n->seen = now;
	if (memcmp(n->mac, mac, sizeof(n->mac))) {
		memcpy(n->mac, mac, sizeof(n->mac));
		advertise(n, announce);
	}
	return true;
}
