/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring3's own NAT, the program ring3-net (docs/network.md), and passt, behind a card. */
#ifndef R3_NETNAT_H
#define R3_NETNAT_H

#include "netcard.h"

#define NETNAT_PROGRAM	"ring3-net"

/* The first card's router, which with --net nat,host is this host's loopback. */
#define NETNAT_GATEWAY	"10.0.2.2"

/*
 * Choose the guest's addresses and start the program. nr counts the guest's cards
 * behind a NAT; one of them has what is published. net is filled but for the MAC
 * address. 0, or -errno with err set.
 */
int netnat_start(struct netcard *card, const struct netopt *opt, int nr, bool publish, enum jail_mode jail,
		 struct vm_net *net, struct r3_err *err);
int netnat_start_passt(struct netcard *card, const struct netopt *opt, int nr, bool publish, struct vm_net *net, struct r3_err *err);

#endif
