/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients of a software switch (net/switch). A switch called NAME listens for
 * SEQPACKET connections in the directory net/ of state_dir(), found by names.h.
 * A client sends one JSON message and gets one: {"ok": ...} or {"error": "sentence"}.
 * After {"join": {...}} the connection is a frame descriptor (VM_NET_PACKETS, with
 * offloads), and never again a client.
 */
#ifndef R3_NETSWITCH_H
#define R3_NETSWITCH_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define SWITCH_NAME_SIZE	64
#define SWITCH_MESSAGE_MAX	(192 * 1024)
#define SWITCH_VLANS		4096

/* What one direction of a port's cable does to frames; what is not said is negative. */
struct switch_cable {
	double delay_ms, jitter_ms;
	double loss, duplicate, reorder;	/* percent */
	double rate;				/* bit/s, 0: as fast as can be */
};

struct switch_port_options {
	char name[SWITCH_NAME_SIZE];	/* the port's, which is the guest's; the caller's to fill */
	uint8_t mac[6];			/* zeros: the switch only learns */
	bool offload;			/* false: checksums and segmentation are done by the switch */
	unsigned int vlan;		/* access VLAN; of a trunk its native one; 0: not said */
	bool is_trunk;
	uint8_t trunk[SWITCH_VLANS / 8];	/* bitmap of tagged VLANs */
	struct switch_cable rx, tx;	/* towards the member, and from it */
};

/* Nothing said; offload true. */
void switch_options_init(struct switch_port_options *opt);

/**
 * switch_parse_options() - "vlan=10,trunk=20+30-39,delay=20ms,rx.loss=1%,mac=52:54:00:00:00:01"
 * @what: for errors: the option as the user knows it, "--net switch:lan"
 *
 * Added to @opt, so that switch_options_init() comes first. Opens nothing.
 */
int switch_parse_options(const char *what, const char *text, struct switch_port_options *opt, struct r3_err *err);

/* The members that were said, as a message has them. NULL without memory. */
struct json_object *switch_options_json(const struct switch_port_options *opt);

/* The directory of switches, made if need be and asked for; -ENOENT without a message if there is none. */
int switch_dir(bool create, struct r3_err *err);

/**
 * switch_ask() - connect to a switch, ask, and wait for the answer
 * @fds: descriptors that go with the request, @nr_fds of them
 * @reply: what "ok" has, to be given back with json_object_put()
 *
 * Return: the connection, which the caller closes; or an error.
 */
int switch_ask(const char *name, struct json_object *request, const int *fds, int nr_fds, struct json_object **reply,
	       struct r3_err *err);

/**
 * switch_join() - become a member of the switch called @name
 * @mtu: of the switch
 * @fd: frames: non-blocking, SEQPACKET, close-on-exec
 */
int switch_join(const char *name, const struct switch_port_options *opt, unsigned int *mtu, int *fd, struct r3_err *err);

#endif
