/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a user says of a switch's port, as text and as JSON. */
#ifndef R3_NETSWITCH_OPTS_H
#define R3_NETSWITCH_OPTS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define SWITCH_NAME_SIZE	64
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

#endif
