/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subcommands that are scripts: those that build kernels, and drive tests of them. */
#ifndef R3_PARTS_H
#define R3_PARTS_H

#include <stdbool.h>

#include "base/err.h"

#define PARTS_MAX_ARGS	256

/* A command line in the making. */
struct parts_args {
	char *word[PARTS_MAX_ARGS + 3];
	int nr;
};

/* False if there are too many. */
bool parts_add(struct parts_args *a, const char *word);

/* An option that has a value, unless that is NULL. */
void parts_add_option(struct parts_args *a, const char *option, const char *value);

/* Becomes the script, which finds this program by $RING3. Returns only if that fails: -errno. */
int parts_exec(const char *script, struct parts_args *a, struct r3_err *err);

#endif
