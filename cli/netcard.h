/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One network card of a guest, with the process behind it if that is a child of ours. */
#ifndef R3_NETCARD_H
#define R3_NETCARD_H

#include <json-c/json.h>
#include <stdio.h>

#include "backend.h"
#include "base/err.h"
#include "netopt.h"

struct net;

enum netcard_state {
	NETCARD_STARTING,		/* its back end has not said that it is ready */
	NETCARD_UP,
	NETCARD_DOWN,			/* what was behind it is gone, for good */
};

/* The guest's addresses on it, as the guest is told them. */
struct netcard_addresses {
	int nr_ip, nr_gw, nr_dns;
	char ip[NETOPT_MAX_ADDRESSES][50];
	char gw[NETOPT_MAX_ROUTERS][46];
	char dns[NETOPT_MAX_SERVERS][46];
};

struct netcard {
	struct net *net;
	const struct netopt_card *opt;
	int index;
	int fd;				/* its frames, also the monitor's; -1: not open */
	uint8_t mac[6];
	uint16_t mtu;
	enum netcard_state state;
	struct netcard_addresses addresses;
	struct backend backend;		/* pid 0: none */
	int control;			/* to the back end, non-blocking; -1: none */
	struct watch control_watch;
	struct watch frames_watch;
	struct json_object *publish;	/* what the back end said that it listens on; NULL: nothing */
};

/* The card's own address, or one that nobody else has. name: of the guest, if it was given one; else NULL. */
int netcard_mac(struct netcard *card, const char *name, struct r3_err *err);

/* Appends words for the guest's kernel command line. */
void netcard_word(const struct netcard *card, FILE *f);

/* What others may know of it. */
struct json_object *netcard_info(const struct netcard *card);

#endif
