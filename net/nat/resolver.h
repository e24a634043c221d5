/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's resolver. Queries are checked against the egress policy here; who
 * asks the host is a process of its own (resolver_proc.c).
 */
#ifndef R3_NAT_RESOLVER_H
#define R3_NAT_RESOLVER_H

#include <poll.h>

#include "dns.h"
#include "jail/jail.h"
#include "policy.h"
#include "reply.h"

#define RESOLVER_PENDING	64	/* queries at once */
#define RESOLVER_CONNS		16	/* TCP connections */
#define RESOLVER_POLLFDS	(RESOLVER_CONNS + 1)
#define RESOLVER_ADDRS		32	/* of one name */
#define RESOLVER_TTL		30	/* seconds; the host's resolver does not tell */
#define RESOLVER_GRACE		270	/* that an address stays allowed for those who keep it longer */

/* ---- between the processes: one message a query, one an answer ---- */

struct resolve_ask {
	uint32_t id;
	uint16_t type;
	char name[DNS_NAME];
};

enum resolve_kind { RESOLVE_ADDRS, RESOLVE_NAME, RESOLVE_RAW };

struct resolve_answer {
	uint32_t id;
	uint8_t kind;
	uint8_t rcode;
	uint16_t n;			/* addresses, or bytes */
	union {
		struct net_addr addr[RESOLVER_ADDRS];
		char name[DNS_NAME];
		uint8_t raw[DNS_MAX];
	};
};

/* Bytes of an answer that are sent. */
size_t resolve_answer_len(const struct resolve_answer *answer);

/* Where a query is answered: does not return. @fd: a SEQPACKET socket. */
void resolver_process(int fd, enum jail_mode mode) __attribute__((noreturn));

/* ---- in the NAT process ---- */

struct resolver;

/**
 * resolver_new() - @fd leads to the resolver's process
 * @send: gives the guest a frame
 */
int resolver_new(struct resolver **resolver, int fd, struct policy *policy, size_t mtu,
		 void (*send)(const uint8_t *frame, size_t len), struct r3_err *err);

/* A datagram to port 53 of the resolver's address; answers go to @to. */
void resolver_datagram(struct resolver *r, const struct reply_to *to, const uint8_t *p, size_t len);
/* A connection to it. Return: the other end, or -errno. */
int resolver_connect(struct resolver *r);

/* Descriptors to wait for, and what came of it. Return: how many. */
unsigned int resolver_pollfds(struct resolver *r, struct pollfd *fds);
void resolver_poll(struct resolver *r, const struct pollfd *fds, unsigned int n);

/* Whether the process is gone, so that no name resolves any more. */
bool resolver_gone(const struct resolver *r);

#endif
