/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest's kernel says on its console when something is wrong with it. Root in a
 * guest can write the same: it is a hint for people, and nothing is decided by it.
 */
#ifndef R3_OOPS_H
#define R3_OOPS_H

#include <stddef.h>
#include <stdint.h>

#define OOPS_LINE	256		/* what of a line is looked at */

/* More than that is for nobody, and would cost those who listen their connection. */
#define OOPS_PER_SECOND	20

struct oops {
	char line[OOPS_LINE];
	size_t len;
	int64_t second;			/* of the clock, and how many were found in it */
	unsigned int nr;
	/* kind: "oops" or "hang"; text: the line, without its time stamp. Or "limit": of this second there are more. */
	void (*found)(void *ctx, const char *kind, const char *text);
	void *ctx;
};

void oops_look(struct oops *o, const char *data, size_t len);

#endif
