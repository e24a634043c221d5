/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the collector has found last, shared by all who send it. */
#ifndef R3_WEB_SNAPSHOT_H
#define R3_WEB_SNAPSHOT_H

#include <stddef.h>

struct snapshot {
	unsigned int users;
	size_t len;
	char text[];		/* one JSON object */
};

struct snapshot *snapshot_get(struct snapshot *s);
void snapshot_put(struct snapshot *s);

/* Asks for a new one, and calls when it is there: once, with all others who asked by the same function. */
void snapshot_want(void (*came)(struct snapshot *s));

#endif
