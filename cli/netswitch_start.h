/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making a switch and its uplinks, and ending it. */
#ifndef R3_NETSWITCH_START_H
#define R3_NETSWITCH_START_H

#include "base/err.h"
#include "jail/jail.h"

#define SWITCH_MAX_UPLINKS	8

struct switch_uplink {
	const char *text;		/* as the user wrote it, for errors */
	const char *tap;		/* name of a tap device, or NULL: NAT */
	char options[512];		/* of the port; empty: none */
	const char *nat[32];		/* words for ring3-net */
	int nr_nat;
};

/* "nat[,OPTION=VALUE...]", "tap:NAME[,...]": all that can be said without starting anything. */
int switch_uplink_parse(struct switch_uplink *up, const char *text, struct r3_err *err);

/* A new switch, which lives on by itself. */
int switch_start(const char *name, unsigned int mtu, enum jail_mode jail, struct r3_err *err);

int switch_uplink_add(const char *name, struct switch_uplink *up, unsigned int mtu, struct r3_err *err);

/* Ends it and waits until it is gone. */
int switch_remove(const char *name, struct r3_err *err);

#endif
