/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is passed on of what guests and switches say: members that are known, of the type that they
 * have, cut to a length. Everything else is left out.
 */
#ifndef R3_WEB_COLLECT_PARTS_H
#define R3_WEB_COLLECT_PARTS_H

#include <json-c/json.h>

#define PARTS_TEXT	256		/* bytes of a string */
#define PARTS_LIST	32		/* members of a list */
#define PARTS_PORTS	256		/* of a switch */

void parts_text(struct json_object *to, const char *key, struct json_object *from, const char *from_key);
void parts_guest(struct json_object *to, struct json_object *info);
void parts_stats(struct json_object *to, struct json_object *stats);
void parts_switch(struct json_object *to, struct json_object *sw);
/* "good", and the cards that its lab says, for when the machine says none. */
void parts_lab_machine(struct json_object *to, struct json_object *known);

#endif
