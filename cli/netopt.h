/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network as `ring3 run` was asked for it: --net and what goes with it, parsed
 * and checked as far as that needs nothing of the host. net.h makes it real.
 */
#ifndef R3_NETOPT_H
#define R3_NETOPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "vm/vm.h"

#define NETOPT_TEXT		512
#define NETOPT_MAX_ADDRESSES	4
#define NETOPT_MAX_ROUTERS	2
#define NETOPT_MAX_SERVERS	4
#define NETOPT_MAX_PUBLISH	64

enum netopt_kind { NETOPT_NAT, NETOPT_TAP, NETOPT_PASST, NETOPT_SOCKET, NETOPT_SWITCH, NETOPT_FD };

/* One --net. */
struct netopt_card {
	const char *text;		/* all of it, for messages */
	enum netopt_kind kind;
	char target[NETOPT_TEXT];	/* a device's or switch's name, a socket's path; may be empty */
	char port[NETOPT_TEXT];		/* switch: what is the switch's to understand, as "vlan=3,delay=1ms" */
	bool host;			/* nat: this host is in reach */
	int fd;				/* fd */
	bool with_format, offload;
	enum vm_net_format format;
	bool with_mac;
	uint8_t mac[6];
	uint16_t mtu;			/* 0: not said */
	/* The guest's own: addresses with their prefix, routers, name servers; as text, well-formed. */
	int nr_ip, nr_gw, nr_dns;
	char ip[NETOPT_MAX_ADDRESSES][50];
	char gw[NETOPT_MAX_ROUTERS][46];
	char dns[NETOPT_MAX_SERVERS][46];
};

struct netopt {
	bool given;			/* some --net was */
	bool none;			/* --net none */
	int nr_cards;
	struct netopt_card card[VM_MAX_NETS];
	int nr_publish;
	const char *publish[NETOPT_MAX_PUBLISH];
	const char *egress;		/* NULL: all */
	const char *log;		/* a file; NULL: none */
	uint64_t rate;			/* bytes a second each way; 0: any */
	unsigned int connections;	/* a second; 0: any */
};

/* The values of --net, --publish and --net-rate. 0, or -errno with @err set. */
int netopt_card(struct netopt *opt, const char *text, struct r3_err *err);
int netopt_publish(struct netopt *opt, const char *text, struct r3_err *err);
int netopt_rate(struct netopt *opt, const char *text, struct r3_err *err);

/* What does not go together; and the card that a guest has if none was asked for. */
int netopt_finish(struct netopt *opt, struct r3_err *err);

/* The card of which there is only one in a guest, if there is: which --publish is for. */
struct netopt_card *netopt_find(struct netopt *opt, enum netopt_kind kind);

/* One or more ports of this host that lead into the guest. */
struct netopt_ports {
	bool udp;
	char address[46];		/* empty: all of the host's */
	unsigned int host, guest, nr;	/* first ones, and how many; host 0: a free one */
};

/* "[ADDR:]HOST:GUEST[/tcp|/udp]", where HOST and GUEST may be ranges as 8000-8010, ADDR an IPv6 one in brackets. */
int netopt_parse_ports(struct netopt_ports *ports, const char *text, struct r3_err *err);

#endif
