/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --share as the user wrote it, parsed and checked as far as that needs nothing of the host. */
#ifndef R3_SHAREOPT_H
#define R3_SHAREOPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct shareopt {
	const char *text;		/* as it was given */
	char *parts;			/* of it; the other pointers lead there */
	char *host;
	char *guest;			/* NULL: the folder's path on the host */
	bool ro, host_locks;
	const char *cache;		/* "auto", "always", "none" */
	uint32_t uid, gid;
	const char *const *hide;	/* of a host's root */
	int nr_hide;
};

/* "HOST[:GUEST][:ro][,KEY=VALUE...]". 0, or -errno with err set. In both cases to be freed by whoever lives longer than it. */
int shareopt_parse(struct shareopt *opt, const char *text, struct r3_err *err);
void shareopt_free(struct shareopt *opt);

/* The same path, whatever slashes are at its end. */
bool shareopt_same_place(const char *a, const char *b);

/* What is wrong with them together. */
int shareopt_check(const struct shareopt *opt, int nr, struct r3_err *err);

#endif
