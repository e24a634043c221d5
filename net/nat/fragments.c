// SPDX-License-Identifier: GPL-2.0-or-later
#include "fragments.h"

#include <stdlib.h>
#include <string.h>

#define IP4_HEAD	20
#define DATA_MOST	(65535 - IP4_HEAD)
#define BLOCKS		(DATA_MOST / 8 + 1)

struct packet {
	uint64_t since;
	uint16_t id;
	uint8_t proto;
	bool used, first;
	struct net_addr src, dst;
	unsigned int blocks;		/* of 8 bytes that are here */
	unsigned int end;		/* of what is here */
	unsigned int total;		/* 0: the last fragment is not here */
	uint8_t have[BLOCKS / 8 + 1];
	uint8_t frame[ETH_HEAD + IP4_HEAD + DATA_MOST];
};

static struct packet *packets[FRAGMENTS_PACKETS];

/* An unused place; else one of new memory; else the oldest's. */
static struct packet *place(void)
{
	int i, at = 0;

	for (i = 0; i < FRAGMENTS_PACKETS; i++) {
		if (!packets[i])
			packets[i] = calloc(1, sizeof(*packets[i]));
		if (!packets[i])
			return NULL;
		if (!packets[i]->used)
			return packets[i];
		if (packets[i]->since < packets[at]->since)
			at = i;
	}
	return packets[at];
}

static struct packet *find(const struct frame *f, uint16_t id, uint64_t now)
{
	struct packet *p;
	int i;

	for (i = 0; i < FRAGMENTS_PACKETS; i++) {
		p = packets[i];
		if (!p || !p->used)
			continue;
		if (now - p->since > FRAGMENTS_MS)
			p->used = false;
		else if (p->id == id && p->proto == f->proto && net_addr_same(&p->src, &f->src) && net_addr_same(&p->dst, &f->dst))
			return p;
	}
	p = place();
	if (!p)
		return NULL;
	p->used = true;
	p->first = false;
	p->since = now;
	p->id = id;
	p->proto = f->proto;
	p->src = f->src;
	p->dst = f->dst;
	p->blocks = p->end = p->total = 0;
	memset(p->have, 0, sizeof(p->have));
	return p;
}

/* Marks what a fragment has. Return: false if any of it is here already. */
static bool mark(struct packet *p, unsigned int off, unsigned int n)
{
	unsigned int i;

	for (i = off / 8; i < (off + n + 7) / 8; i++) {
		if (p->have[i / 8] & (1 << i % 8))
			return false;
		p->have[i / 8] |= 1 << i % 8;
		p->blocks++;
	}
	return true;
}

static bool put(struct packet *p, const uint8_t *frame, const struct frame *f)
{
	const uint8_t *ip = frame + ETH_HEAD;
	unsigned int field = get16(ip + 6), off = (field & 0x1fff) * 8, n = get16(ip + 2) - IP4_HEAD;
	bool more = field & 0x2000;

	if (!n || off + n > DATA_MOST || (more && n % 8) || (p->total && (!more || off + n > p->total)) ||
	    (!more && p->end > off + n) || !mark(p, off, n))
		return false;
	if (!more)
		p->total = off + n;
	if (off + n > p->end)
		p->end = off + n;
	if (!off) {
		memcpy(p->frame, frame, ETH_HEAD + IP4_HEAD);
		p->first = true;
	}
	memcpy(p->frame + ETH_HEAD + IP4_HEAD + off, frame + f->l4, n);
	return true;
}

uint8_t *fragments_add(const uint8_t *frame, const struct frame *f, uint64_t now, size_t *len)
{
	struct packet *p = find(f, get16(frame + ETH_HEAD + 4), now);
	uint8_t *ip;
	uint16_t sum;

	if (!p)
		return NULL;
	if (!put(p, frame, f)) {
		/* What follows of it finds nothing, and is never complete. */
		p->used = false;
		return NULL;
	}
	if (!p->total || !p->first || p->blocks != (p->total + 7) / 8)
		return NULL;
	p->used = false;
	ip = p->frame + ETH_HEAD;
	put16(ip + 2, IP4_HEAD + p->total);
	put16(ip + 6, 0);
	put16(ip + 10, 0);
	sum = sum_end(sum_add(0, ip, IP4_HEAD));
	memcpy(ip + 10, &sum, 2);
	*len = ETH_HEAD + IP4_HEAD + p->total;
	return p->frame;
}
