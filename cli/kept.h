/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept of a machine beyond its life: a folder of its own,
 * $XDG_DATA_HOME/ring3/machines/NAME, with its log (guestlog.h), "end": how it
 * ended last, and "definition" if it is one that was created. "lock" is locked
 * by the process that runs the machine, for as long as it lives.
 */
#ifndef R3_KEPT_H
#define R3_KEPT_H

#include <stdbool.h>

#include <json-c/json.h>

#include "base/err.h"

#define KEPT_END	"end"
#define KEPT_DEFINITION	"definition"

struct kept {
	int dir;		/* the machine's folder; -1: none */
	int lock;
	bool made;		/* by kept_take() */
	char name[64];
};

/* The folder of all machines, made if need be and asked for; -ENOENT if there is none. */
int kept_all(bool create, struct r3_err *err);

/*
 * Makes the folder of @name ours, and the folder itself if there is none.
 * -EBUSY: a machine of this name runs.
 */
int kept_take(struct kept *k, const char *name, struct r3_err *err);

/* The same of one that there is; -ENOENT with a sentence if there is none. */
int kept_take_old(struct kept *k, const char *name, struct r3_err *err);

/* Another name for a folder that is ours, if there is none of that name. */
int kept_rename(struct kept *k, const char *name, struct r3_err *err);

/* Gives it back, or removes it with all that is in it. */
void kept_release(struct kept *k, bool remove);

/* The folder of a machine that is kept; -ENOENT with a sentence if there is none. */
int kept_find(const char *name, struct r3_err *err);

/* Does a process hold the machine in this folder? */
bool kept_is_taken(int dir);

/* One JSON object in a file of the folder, replaced as a whole. kept_get(): NULL if there is none. */
int kept_put(int dir, const char *file, struct json_object *o, struct r3_err *err);
struct json_object *kept_get(int dir, const char *file);

/* Names of all machines that are kept, sorted; the caller frees list and names. */
int kept_list(char ***names, struct r3_err *err);

#endif
