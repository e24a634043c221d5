/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The definition of a machine: how it is started again. It is what it was started or
 * created with, word by word, with the directory and the variables that those words
 * depend on; never one text that would have to be taken apart.
 */
#ifndef R3_DEFINE_H
#define R3_DEFINE_H

#include <stdbool.h>

#include <json-c/json.h>

#include "base/err.h"

struct definition {
	bool created;		/* by `ring3 create`: it stays until it is removed */
	int argc;
	char **argv;		/* options and command, behind argv[0]; ends with NULL */
	const char *cwd;
	struct json_object *json;	/* all of this points into it, but for argv itself */
};

/* argv: of the subcommand, from its name on. */
struct json_object *define_make(int argc, char **argv, bool created);

/* Of the machine whose folder this is; -ENOENT if it has none. */
int define_load(struct definition *def, int dir, struct r3_err *err);
void define_free(struct definition *def);

/* Into the directory, and with the variables, that it was made in. */
int define_enter(const struct definition *def, struct r3_err *err);

#endif
