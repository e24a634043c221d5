/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a running guest has used, as its process tells it: for `ring3 stats` and `ring3 top`. */
#ifndef R3_GUESTUSE_H
#define R3_GUESTUSE_H

#include <stdint.h>

#include <json-c/json.h>

#include "base/err.h"

/* What a number is of: a part of its name, and its sum over devices of a kind. */
struct guestuse {
	char name[64];
	int64_t at_ms;			/* of the guest's life */
	uint64_t user, kernel, device, backend;	/* ns */
	uint64_t map;			/* of user, as far as it is known: zygote, and managers of spaces */
	uint64_t stopped;		/* ns, by its limit */
	uint64_t mem, mem_used, spaces;
	uint64_t disk_in, disk_out, net_in, net_out;	/* bytes */
};

/* The answer of the guest; NULL, with err set, if it has none to tell. */
struct json_object *guestuse_ask(const char *name, struct r3_err *err);

/* Sums of such an answer. */
void guestuse_fill(struct guestuse *u, const char *name, struct json_object *o);

/* Parts of it. A number is never negative, a kind may be empty, a list NULL. */
uint64_t guestuse_number(struct json_object *o, const char *key);
const char *guestuse_kind(struct json_object *dev);
struct json_object *guestuse_list(struct json_object *o, const char *key);

const struct guestuse *guestuse_find(const struct guestuse *list, int n, const char *name);

/* Names of all that run, to be freed as state_list() has it. */
int guestuse_names(char ***names, struct r3_err *err);

/* For people: "1.2M". */
void guestuse_bytes(char *text, size_t size, double n);

#endif
