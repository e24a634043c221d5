/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of a subcommand: one table for parsing, help and suggestions. */
#ifndef R3_OPTS_H
#define R3_OPTS_H

#include <stdbool.h>

#include "base/err.h"

struct opt {
	const char *name;		/* without --; NULL ends the table */
	char letter;			/* 0: none */
	const char *arg;		/* what the help calls its value; NULL: takes none */
	const char *help;
};

struct opts {
	const char *usage;		/* "run [OPTIONS] [-- CMD...]" */
	const char *about;		/* paragraphs before the options */
	const struct opt *table;
	const char *more;		/* after them, may be NULL */
	/* Takes one option. 0, or -errno with err set. */
	int (*set)(void *ctx, const struct opt *opt, const char *value, struct r3_err *err);
};

/*
 * Parses argv[1] onwards. Returns the index of the first word that is no
 * option (after "--", if there is one, *dashes is set), or -errno with err
 * set. Prints the help and exits with 0 on --help.
 */
int opts_parse(const struct opts *opts, int argc, char **argv, void *ctx, bool *dashes,
	       struct r3_err *err);

void opts_help(const struct opts *opts);

/* How many letters to change to get from one word to the other, at most 99. */
int opts_distance(const char *a, const char *b);

#endif
