// SPDX-License-Identifier: GPL-2.0-or-later
#include "dns.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

#define FLAG_QR		0x8000
#define FLAG_TC		0x0200
#define FLAG_RD		0x0100
#define FLAG_RA		0x0080
#define CLASS_IN	1
#define EDNS_OURS	4096
#define EDE_OPTION	15
#define EDE_BLOCKED	15

/* A name without compression. Return: its length, or -1. */
static int parse_name(const uint8_t *p, size_t len, struct dns_query *q)
{
	size_t at = 0, n = 0, i;

	for (;;) {
		uint8_t label;

		if (at >= len || at >= 255)
			return -1;
		label = p[at++];
		if (!label)
			break;
		if (label > 63 || at + label > len || n + label + 1 >= DNS_NAME)
			return -1;
		if (n)
			q->name[n++] = '.';
		for (i = 0; i < label; i++) {
			unsigned char c = p[at + i];

			if (!isascii(c) || (!isalnum(c) && c != '-' && c != '_'))
				q->odd = true;
			q->name[n++] = q->odd ? '?' : tolower(c);
		}
		at += label;
	}
	q->name[n] = '\0';
	return at;
}

/* EDNS: a record of type OPT with the root's name. */
static void parse_additional(const uint8_t *p, size_t len, unsigned int n, struct dns_query *q)
{
	size_t at = 0, data;

	while (n--) {
		if (len - at < 11 || p[at])
			return;
		data = get16(p + at + 9);
		if (get16(p + at + 1) == DNS_OPT) {
			q->edns = get16(p + at + 3);
			if (q->edns < 512)
				q->edns = 512;
			return;
		}
		if (len - at - 11 < data)
			return;
		at += 11 + data;
	}
}

int dns_parse(const uint8_t *p, size_t len, struct dns_query *q)
{
	unsigned int flags;
	int n;

	memset(q, 0, sizeof(*q));
	if (len < DNS_HEAD || len > DNS_MAX)
		return -EBADMSG;
	flags = get16(p + 2);
	if (flags & FLAG_QR)
		return -EBADMSG;
	q->id = get16(p);
	q->recursion = flags & FLAG_RD;
	if (flags & 0x7800)
		return -ENOTSUP;
	if (get16(p + 4) != 1 || get16(p + 6) || get16(p + 8) || get16(p + 10) > 4)
		return -EINVAL;
	n = parse_name(p + DNS_HEAD, len - DNS_HEAD, q);
	if (n < 0 || len - DNS_HEAD - n < 4)
		return -EINVAL;
	memcpy(q->question, p + DNS_HEAD, n + 4);
	q->question_len = n + 4;
	q->type = get16(q->question + n);
	parse_additional(p + DNS_HEAD + n + 4, len - DNS_HEAD - n - 4, get16(p + 10), q);
	if (get16(q->question + n + 2) != CLASS_IN || !q->type || q->type == DNS_OPT ||
	    (q->type >= 249 && q->type <= 255))
		return -ENOTSUP;
	return 0;
}

int dns_reverse(const char *name, struct net_addr *a)
{
	size_t len = strlen(name);
	uint8_t b[16] = { 0 };
	int i;

	if (len == 72 && !strcmp(name + 64, "ip6.arpa")) {
		for (i = 0; i < 32; i++) {
			char c = name[2 * i];

			if (!isxdigit((unsigned char)c) || name[2 * i + 1] != '.')
				return -EINVAL;
			b[15 - i / 2] |= (isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10) << (i % 2 * 4);
		}
		*a = net_addr6(b);
		return 0;
	}
	for (i = 3; i >= 0; i--) {
		char *end;
		unsigned long v;

		if (!isdigit((unsigned char)*name))
			return -EINVAL;
		v = strtoul(name, &end, 10);
		if (*end != '.' || v > 255 || end - name > 3)
			return -EINVAL;
		b[i] = v;
		name = end + 1;
	}
	if (strcmp(name, "in-addr.arpa"))
		return -EINVAL;
	*a = net_addr4(b);
	return 0;
}

static size_t begin(uint8_t *out, const struct dns_query *q, enum dns_rcode rcode)
{
	memset(out, 0, DNS_HEAD);
	put16(out, q->id);
	put16(out + 2, FLAG_QR | FLAG_RA | (q->recursion ? FLAG_RD : 0) | rcode);
	put16(out + 4, q->question_len ? 1 : 0);
	memcpy(out + DNS_HEAD, q->question, q->question_len);
	return DNS_HEAD + q->question_len;
}

/* @why: NULL, or the text of an extended error. */
static size_t add_opt(uint8_t *out, size_t at, const struct dns_query *q, const char *why)
{
	size_t text = why ? strlen(why) : 0;

	if (!q->edns)
		return at;
	put16(out + 10, 1);
	out[at] = 0;
	put16(out + at + 1, DNS_OPT);
	put16(out + at + 3, EDNS_OURS);
	put32(out + at + 5, 0);
	put16(out + at + 9, why ? 6 + text : 0);
	at += 11;
	if (why) {
		put16(out + at, EDE_OPTION);
		put16(out + at + 2, 2 + text);
		put16(out + at + 4, EDE_BLOCKED);
		memcpy(out + at + 6, why, text);
		at += 6 + text;
	}
	return at;
}

static size_t cut_short(uint8_t *out, const struct dns_query *q)
{
	size_t at = begin(out, q, DNS_OK);

	put16(out + 2, get16(out + 2) | FLAG_TC);
	return add_opt(out, at, q, NULL);
}

/* The name is the question's. */
static size_t add_record(uint8_t *out, size_t at, uint16_t type, uint32_t ttl, const uint8_t *data, size_t len)
{
	put16(out + at, 0xc000 | DNS_HEAD);
	put16(out + at + 2, type);
	put16(out + at + 4, CLASS_IN);
	put32(out + at + 6, ttl);
	put16(out + at + 10, len);
	memcpy(out + at + 12, data, len);
	put16(out + 6, get16(out + 6) + 1);
	return at + 12 + len;
}

size_t dns_answer(uint8_t *out, size_t limit, const struct dns_query *q, enum dns_rcode rcode,
		  const struct net_addr *addr, unsigned int n, uint32_t ttl)
{
	size_t at = begin(out, q, rcode), each = 12 + (q->type == DNS_A ? 4 : 16);
	unsigned int i;

	if (at + n * each + 11 > limit && n)
		return cut_short(out, q);
	for (i = 0; i < n; i++)
		at = add_record(out, at, q->type, ttl, addr[i].b, each - 12);
	return add_opt(out, at, q, NULL);
}

size_t dns_answer_name(uint8_t *out, size_t limit, const struct dns_query *q, const char *name, uint32_t ttl)
{
	size_t at = begin(out, q, DNS_OK), n = 0, label;
	uint8_t wire[256];

	for (; *name; name += label + (name[label] == '.')) {
		label = strcspn(name, ".");
		if (!label || label > 63 || n + label + 2 > 255)
			return dns_answer(out, limit, q, DNS_SERVFAIL, NULL, 0, 0);
		wire[n++] = label;
		memcpy(wire + n, name, label);
		n += label;
	}
	wire[n++] = 0;
	if (at + 12 + n + 11 > limit)
		return cut_short(out, q);
	return add_opt(out, add_record(out, at, DNS_PTR, ttl, wire, n), q, NULL);
}

size_t dns_answer_raw(uint8_t *out, size_t limit, const struct dns_query *q, const uint8_t *raw, size_t len)
{
	if (len < DNS_HEAD + (size_t)q->question_len || !(get16(raw + 2) & FLAG_QR) || get16(raw + 4) != 1)
		return dns_answer(out, limit, q, DNS_SERVFAIL, NULL, 0, 0);
	if (len > limit)
		return cut_short(out, q);
	memcpy(out, raw, len);
	put16(out, q->id);
	put16(out + 2, (get16(raw + 2) & ~FLAG_RD) | FLAG_RA | (q->recursion ? FLAG_RD : 0));
	/* The same name; those who mix upper and lower case want theirs back. */
	memcpy(out + DNS_HEAD, q->question, q->question_len);
	return len;
}

size_t dns_answer_blocked(uint8_t *out, size_t limit, const struct dns_query *q, const char *why)
{
	size_t at = begin(out, q, DNS_NXDOMAIN);

	return add_opt(out, at, q, at + 17 + strlen(why) <= limit ? why : NULL);
}
