/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A port's options as messages have them: from JSON, checked, and back. */
#ifndef R3_SWITCH_OPTIONS_H
#define R3_SWITCH_OPTIONS_H

#include <json-c/json.h>

#include "base/err.h"
#include "switch.h"

/* What a port is or is to be; begins as what it has. */
struct port_options {
	char name[NAME_SIZE];
	bool has_mac, offload;
	uint8_t mac[6];
	struct vlan_rule rule;
	struct cable_config rx, tx;
};

/* @join: what only a new port can be told is allowed too. Changes @o only on success. */
int options_parse(struct port_options *o, struct json_object *json, bool join, struct r3_err *err);

struct json_object *options_cable(const struct cable_config *c);
struct json_object *options_trunk(const struct vlan_rule *rule);

#endif
