/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of --egress: parsing, and which of them match. For policy.c. */
#ifndef R3_NAT_RULES_H
#define R3_NAT_RULES_H

#include "policy.h"

struct rule {
	bool domain;
	bool subdomains;		/* "*.name": those, and not the name itself */
	bool ports;			/* only from low to high */
	uint16_t low, high;
	uint8_t prefix;
	struct net_addr addr;
	char name[POLICY_NAME];
};

struct rules {
	bool all;
	unsigned int n;
	struct rule rule[POLICY_RULES];
};

int rules_parse(struct rules *rules, const char *text, struct r3_err *err);

/* @icmp: a rule with ports does not match. @port 0: any will do. */
bool rules_addr(const struct rules *rules, const struct net_addr *addr, bool icmp, uint16_t port);
bool rules_name_port(const struct rules *rules, const char *name, bool icmp, uint16_t port);
bool rules_name(const struct rules *rules, const char *name);

/* LOW or LOW-HIGH; @zero: 0 is a port. Return: 0, or -EINVAL. */
int rules_ports(const char *text, bool zero, uint16_t *low, uint16_t *high);

#endif
