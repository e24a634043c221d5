/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "ring3 net ls" and "stats" print. */
#ifndef R3_NETSWITCH_SHOW_H
#define R3_NETSWITCH_SHOW_H

#include <json-c/json.h>
#include <stdbool.h>

void switch_show_head(void);
void switch_show(struct json_object *sw);
void switch_show_silent(const char *name);
void switch_show_ports(struct json_object *sw);
void switch_show_stats(struct json_object *sw);
/* One object in one line. */
void switch_show_json(struct json_object *sw);

#endif
