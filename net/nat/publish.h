/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --publish [ADDR:]HOST:GUEST[/udp|/tcp]: the guest's ports on the host. */
#ifndef R3_NAT_PUBLISH_H
#define R3_NAT_PUBLISH_H

#include <slirp/libslirp.h>

#include "addr.h"
#include "base/err.h"

#define PUBLISH_SPECS	64
#define PUBLISH_BOUND	1024

struct publish {
	const char *text;
	bool udp;
	bool any;			/* no ADDR: every address, of both families */
	struct net_addr addr;
	uint16_t host, guest;		/* the first port; host 0: a free one */
	uint16_t n;			/* how many */
};

struct published {
	bool udp;
	struct net_addr addr;
	uint16_t host, guest;
};

int publish_parse(struct publish *publish, const char *text, struct r3_err *err);

/* Binds all ports of one of them. */
int publish_bind(const struct publish *publish, Slirp *slirp, const struct virt_net *net, struct r3_err *err);

/* What is bound. Return: how many. */
unsigned int publish_list(const struct published **list);
/* Whether a guest's UDP port is one. */
bool publish_udp(uint16_t guest_port);

#endif
