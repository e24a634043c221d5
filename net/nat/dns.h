/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS messages (RFC 1035, EDNS of RFC 6891): a guest's queries, and our answers. */
#ifndef R3_NAT_DNS_H
#define R3_NAT_DNS_H

#include "addr.h"

#define DNS_HEAD	12
#define DNS_NAME	254		/* longest name as text, with its end */
#define DNS_QUESTION	(255 + 4)
#define DNS_MAX		65535

enum dns_rcode { DNS_OK, DNS_FORMERR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTIMP, DNS_REFUSED };
enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28, DNS_OPT = 41, DNS_IXFR = 251, DNS_ANY = 255 };

struct dns_query {
	uint16_t id;
	bool recursion;			/* desired */
	bool odd;			/* the name has letters that no host's name has */
	uint16_t type;
	uint16_t edns;			/* longest datagram it takes, 0: it knows no EDNS */
	char name[DNS_NAME];		/* lower case; "" is the root */
	uint8_t question[DNS_QUESTION];	/* as it came */
	uint16_t question_len;
};

/**
 * dns_parse() - a query for one name
 *
 * Return: 0; -EBADMSG if it is not to be answered at all; -EINVAL for FORMERR;
 * -ENOTSUP for NOTIMP. For these two what dns_answer() needs is in @q.
 */
int dns_parse(const uint8_t *p, size_t len, struct dns_query *q);

/* The address that a name below in-addr.arpa or ip6.arpa is about. Return: 0, or -EINVAL. */
int dns_reverse(const char *name, struct net_addr *a);

/*
 * Answers. @limit: how long they may be; a longer one is cut (TC). @out has room
 * for that, and for DNS_HEAD + DNS_QUESTION + 40 at least. Return: length.
 */
size_t dns_answer(uint8_t *out, size_t limit, const struct dns_query *q, enum dns_rcode rcode,
		  const struct net_addr *addr, unsigned int n, uint32_t ttl);
size_t dns_answer_name(uint8_t *out, size_t limit, const struct dns_query *q, const char *name, uint32_t ttl);
/* What a name server answered, for this query. SERVFAIL if it is none. */
size_t dns_answer_raw(uint8_t *out, size_t limit, const struct dns_query *q, const uint8_t *raw, size_t len);
/* NXDOMAIN, with the reason for those who can read it (RFC 8914: "blocked"). */
size_t dns_answer_blocked(uint8_t *out, size_t limit, const struct dns_query *q, const char *why);

#endif
