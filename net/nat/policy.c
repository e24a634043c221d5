// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. A destination passes three questions, in this order:
 *
 *	1. Is it an address that anybody can have? Multicast, unspecified and
 *	   IPv4-mapped ones are nobody's, whatever the rules say.
 *	2. Is it the host? Loopback, link-local and the host's own addresses are
 *	   out of reach without --host, also when an IPv6 address contains them
 *	   (6to4, NAT64, Teredo, ISATAP).
 *	3. Do the rules allow it? By address, or by a name that gave the address.
 *
 * What names gave is kept in a table of POLICY_LEARNT entries. When it is full,
 * the entry goes that would expire first.
 */
#include "policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "rules.h"

#define BUCKETS		1024
#define NONE		UINT16_MAX

struct learnt {
	struct net_addr addr;
	uint64_t until;
	uint16_t next;			/* of its bucket, or free */
	char name[POLICY_NAME];
};

struct policy {
	struct rules rules;
	bool host;
	struct virt_net net;
	bool (*local)(void *arg, const struct net_addr *addr);
	void *local_arg;
	uint16_t bucket[BUCKETS];
	uint16_t free;			/* entries that were used and are not */
	uint16_t fresh;			/* the first that never was; those cost no memory yet */
	struct learnt learnt[POLICY_LEARNT];
};

static const char *const words[POLICY_NR_VERDICTS] = {
	[POLICY_ALLOW] = "allowed",
	[POLICY_RULES_DENY] = "no rule allows it",
	[POLICY_HOST] = "the host's own address",
	[POLICY_LINK_LOCAL] = "a link-local address",
	[POLICY_INSIDE] = "nobody's address in the guest's network",
	[POLICY_NOT_UNICAST] = "not a unicast address",
	[POLICY_EMBEDDED] = "an IPv4 address in IPv6 form",
};

const char *policy_word(enum policy_verdict verdict)
{
	return words[verdict];
}

int policy_new(struct policy **policy, const char *egress, bool host, const struct virt_net *net,
	       struct r3_err *err)
{
	struct policy *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return err_set(err, -ENOMEM, "no memory for the egress policy");
	ret = rules_parse(&p->rules, egress ? egress : "all", err);
	if (ret) {
		free(p);
		return ret;
	}
	p->host = host;
	p->net = *net;
	memset(p->bucket, 0xff, sizeof(p->bucket));
	p->free = NONE;
	*policy = p;
	return 0;
}

void policy_free(struct policy *policy)
{
	free(policy);
}

void policy_set_local(struct policy *policy, bool (*local)(void *arg, const struct net_addr *addr),
		      void *arg)
{
	policy->local = local;
	policy->local_arg = arg;
}

/* ---- names and their addresses ---- */

static unsigned int bucket_of(const struct net_addr *a)
{
	uint32_t h = a->family;
	unsigned int i;

	for (i = 0; i < net_addr_len(a); i++)
		h = (h ^ a->b[i]) * 16777619u;
	return (h ^ h >> 16) % BUCKETS;
}

static void forget(struct policy *p, uint16_t index)
{
	uint16_t *at = &p->bucket[bucket_of(&p->learnt[index].addr)];

	while (*at != index)
		at = &p->learnt[*at].next;
	*at = p->learnt[index].next;
	p->learnt[index].next = p->free;
	p->free = index;
}

/* All that have expired; if none has, the one that would first. */
static void make_room(struct policy *p, uint64_t now)
{
	unsigned int i, first = 0;

	for (i = 0; i < POLICY_LEARNT; i++) {
		if (p->learnt[i].until < p->learnt[first].until)
			first = i;
		if (p->learnt[i].until <= now)
			forget(p, i);
	}
	if (p->free == NONE)
		forget(p, first);
}

void policy_learn(struct policy *p, const char *name, const struct net_addr *addr, uint64_t now,
		  uint64_t until)
{
	uint16_t *bucket = &p->bucket[bucket_of(addr)], i;
	struct learnt *l;

	if (strlen(name) >= POLICY_NAME)
		return;
	for (i = *bucket; i != NONE; i = p->learnt[i].next) {
		l = &p->learnt[i];
		if (net_addr_same(&l->addr, addr) && !strcmp(l->name, name)) {
			l->until = until;
			return;
		}
	}
	if (p->free == NONE && p->fresh == POLICY_LEARNT)
		make_room(p, now);
	if (p->free == NONE) {
		i = p->fresh++;
		l = &p->learnt[i];
	} else {
		i = p->free;
		l = &p->learnt[i];
		p->free = l->next;
	}
	l->addr = *addr;
	l->until = until;
	strcpy(l->name, name);
	l->next = *bucket;
	*bucket = i;
}

bool policy_name(const struct policy *policy, const char *name)
{
	return rules_name(&policy->rules, name);
}

/* ---- addresses ---- */

struct range {
	const char *net;
	enum policy_verdict verdict;	/* without --host; POLICY_ALLOW: as the IPv4 address in it */
	uint8_t at;			/* where that is */
	bool host;			/* --host makes it reachable */
	bool inverted;
};

static const struct range ranges[] = {
	{ "0.0.0.0/8", POLICY_HOST },
	{ "127.0.0.0/8", POLICY_HOST, .host = true },
	{ "169.254.0.0/16", POLICY_LINK_LOCAL, .host = true },
	{ "224.0.0.0/3", POLICY_NOT_UNICAST },
	{ "::1/128", POLICY_HOST, .host = true },
	{ "::ffff:0:0/96", POLICY_EMBEDDED },
	{ "::ffff:0:0:0/96", POLICY_EMBEDDED },
	{ "::/96", POLICY_EMBEDDED },
	/* Where clouds tell a machine its secrets, beside 169.254.169.254. */
	{ "100.100.100.200/32", POLICY_LINK_LOCAL, .host = true },
	{ "168.63.129.16/32", POLICY_LINK_LOCAL, .host = true },
	{ "fd00:ec2::254/128", POLICY_LINK_LOCAL, .host = true },
	{ "fe80::/10", POLICY_LINK_LOCAL },
	{ "fec0::/10", POLICY_LINK_LOCAL },
	{ "ff00::/8", POLICY_NOT_UNICAST },
	{ "64:ff9b::/96", POLICY_ALLOW, .at = 12 },
	{ "64:ff9b:1::/48", POLICY_ALLOW, .at = 12 },
	{ "2002::/16", POLICY_ALLOW, .at = 2 },
	{ "2001::/32", POLICY_ALLOW, .at = 12, .inverted = true },
};

static const struct range *find_range(const struct net_addr *a)
{
	static struct net_addr net[ARRAY_SIZE(ranges)];
	static unsigned int prefix[ARRAY_SIZE(ranges)];
	unsigned int i;

	if (!prefix[0])
		for (i = 0; i < ARRAY_SIZE(ranges); i++)
			net_addr_parse_net(ranges[i].net, &net[i], &prefix[i]);
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		if (net_addr_in(a, &net[i], prefix[i]))
			return &ranges[i];
	return NULL;
}

static bool isatap(const struct net_addr *a)
{
	return a->family == AF_INET6 && !(a->b[8] & ~3) && !a->b[9] && a->b[10] == 0x5e && a->b[11] == 0xfe;
}

/* Whose address it is, whatever the rules say. */
static enum policy_verdict whose(struct policy *p, const struct net_addr *a)
{
	const struct range *r = find_range(a);
	enum policy_verdict verdict;
	struct net_addr in;
	uint8_t b[4];
	int i;

	if (r && r->verdict != POLICY_ALLOW)
		return r->host && p->host ? POLICY_ALLOW : r->verdict;
	if (r || isatap(a)) {
		memcpy(b, a->b + (r ? r->at : 12), 4);
		for (i = 0; r && r->inverted && i < 4; i++)
			b[i] = ~b[i];
		in = net_addr4(b);
		verdict = whose(p, &in);
		if (verdict != POLICY_ALLOW)
			return verdict;
	}
	if ((p->net.v4 && net_addr_in(a, &p->net.net4, p->net.prefix4)) ||
	    (p->net.v6 && net_addr_in(a, &p->net.net6, p->net.prefix6)))
		return POLICY_INSIDE;
	if (!p->host && p->local && p->local(p->local_arg, a))
		return POLICY_HOST;
	return POLICY_ALLOW;
}

static const char *learnt_name(struct policy *p, enum policy_proto proto, const struct net_addr *a,
			       uint16_t port, uint64_t now, bool *allowed)
{
	const char *name = NULL;
	uint16_t i;

	for (i = p->bucket[bucket_of(a)]; i != NONE; i = p->learnt[i].next) {
		const struct learnt *l = &p->learnt[i];

		if (l->until <= now || !net_addr_same(&l->addr, a))
			continue;
		if (rules_name_port(&p->rules, l->name, proto == POLICY_ICMP, port)) {
			*allowed = true;
			return l->name;
		}
		name = l->name;
	}
	return name;
}

enum policy_verdict policy_check(struct policy *p, enum policy_proto proto, const struct net_addr *dst,
				 uint16_t port, uint64_t now, const char **name)
{
	static const uint8_t loop4[4] = { 127, 0, 0, 1 }, loop6[16] = { [15] = 1 };
	struct net_addr real = *dst, alias = *dst;
	enum policy_verdict verdict;
	bool allowed = false;
	const char *found;

	if (name)
		*name = NULL;
	if (p->net.v4 && net_addr_same(dst, &p->net.gateway4))
		real = net_addr4(loop4);
	else if (p->net.v6 && net_addr_same(dst, &p->net.gateway6))
		real = net_addr6(loop6);
	else if (p->net.v4 && dst->family == AF_INET && !memcmp(dst->b, loop4, 4))
		alias = p->net.gateway4;
	else if (p->net.v6 && dst->family == AF_INET6 && !memcmp(dst->b, loop6, 16))
		alias = p->net.gateway6;
	verdict = whose(p, &real);
	if (verdict != POLICY_ALLOW)
		return verdict;
	found = learnt_name(p, proto, &real, port, now, &allowed);
	if (name)
		*name = found;
	if (allowed || rules_addr(&p->rules, &real, proto == POLICY_ICMP, port) ||
	    rules_addr(&p->rules, &alias, proto == POLICY_ICMP, port))
		return POLICY_ALLOW;
	return POLICY_RULES_DENY;
}
