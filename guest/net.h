/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's network as the host's kernel command line has it:
 *
 *	ring3.net=MAC[,ADDRESS/PREFIX]...[,gw=ADDRESS]...[,mtu=N]	one word a card
 *	ring3.dns=ADDRESS[,ADDRESS]...					name servers
 *
 * It is set up by PID 1 before any program of the root runs: nothing waits for
 * DHCP, and an init of the root's own finds it done.
 */
#ifndef R3_GUEST_NET_H
#define R3_GUEST_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netlink.h"

#define NET_MAX_CARDS		8
#define NET_MAX_ADDRESSES	4
#define NET_MAX_ROUTERS		2
#define NET_MAX_SERVERS		4
#define NET_NAME_SIZE		16

struct net_card {
	uint8_t mac[6];
	uint32_t mtu;				/* 0: what the device says */
	int nr_addresses, nr_routers;
	struct net_address address[NET_MAX_ADDRESSES];
	struct net_address router[NET_MAX_ROUTERS];
	char name[NET_NAME_SIZE];		/* in the guest, once it is set up; else empty */
};

struct net {
	int nr_cards, nr_servers;
	struct net_card card[NET_MAX_CARDS];
	struct net_address server[NET_MAX_SERVERS];
};

/* The value of one ring3.net= or ring3.dns=. False if it makes no sense, and then nothing is taken. */
bool net_parse_card(struct net *net, const char *text);
bool net_parse_servers(struct net *net, const char *text);

/*
 * Brings the cards up. 0; or -errno of the first thing that failed, and why says
 * what that was. The other cards are set up all the same.
 */
int net_up(struct net *net, char *why, size_t size);

/* An address as text, with its prefix if that is asked for. */
void net_text(const struct net_address *a, bool prefix, char *text, size_t size);

#endif
