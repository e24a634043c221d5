/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of --net-log: one JSON object a line for each connection and each
 * refusal. At most so many, and so many bytes, a second; a line says how many were left out.
 */
#ifndef R3_NAT_NETLOG_H
#define R3_NAT_NETLOG_H

#include "addr.h"

struct netlog_line {
	const char *event;		/* "connect", "accept", "flow", "ping", "refused" */
	const char *proto;		/* "tcp", "udp", "icmp", "dns", or NULL */
	const struct net_addr *src, *dst;
	uint16_t sport, dport;		/* 0: none */
	const char *name;		/* that the address was learnt from, or that was asked for; or NULL */
	const char *reason;		/* of a refusal, or NULL */
};

/* @fd: -1 for no log. A reader that is slow loses lines, nobody waits for it. */
void netlog_open(int fd);
void netlog_write(const struct netlog_line *line);
/* Says how many lines were left out, if any were and one may be written. */
void netlog_flush(void);
/* Text as a JSON string's inside; bytes that are not printable ASCII are escaped. */
void netlog_escape(char *out, size_t size, const char *text);

#endif
