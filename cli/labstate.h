/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ring3 up has started, for the next up, for down and status: a JSON file for each
 * lab in the folder labs of state_dir(). Who changes a lab holds its lock.
 *
 *	{"lab", "file", "machines": {NAME: {"digest", "good", "shell", "env", "shutdown", "cards"}},
 *	 "networks": {NAME: {"digest"}}}
 */
#ifndef R3_LABSTATE_H
#define R3_LABSTATE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/err.h"

struct labstate {
	int dir, lock;
	char lab[64];
	struct json_object *o;		/* NULL: nothing is known of the lab */
};

/* Locks the lab and reads what is known. -EBUSY: another up or down is at work. */
int labstate_open(struct labstate *s, const char *lab, struct r3_err *err);
int labstate_save(struct labstate *s, struct r3_err *err);
/* forget: nothing of the lab is left. */
void labstate_close(struct labstate *s, bool forget);

/* To be read only, without the lock. NULL: nothing is known. */
struct json_object *labstate_peek(const char *lab);
/* Names of all labs; the caller frees list and names. */
int labstate_list(char ***names, struct r3_err *err);
/* The lab that was started from this file, by its absolute path. */
bool labstate_of_file(const char *file, char *name, size_t size);

/* A log of a machine, in the same folder. */
int labstate_log(struct labstate *s, const char *machine, bool fresh);
void labstate_log_path(const char *lab, const char *machine, char *path, size_t size);
void labstate_log_remove(struct labstate *s, const char *machine);

/* Members of objects, made if need be. */
struct json_object *labstate_part(struct json_object *o, const char *key, bool create);
const char *labstate_text(struct json_object *o, const char *key);

#endif
