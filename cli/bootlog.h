/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last of what a guest wrote to its console, to be shown when it matters. */
#ifndef R3_BOOTLOG_H
#define R3_BOOTLOG_H

#include <stddef.h>
#include <stdint.h>

#define BOOTLOG_SIZE	(256 * 1024)

struct bootlog {
	char *buf;			/* BOOTLOG_SIZE, allocated when first used */
	uint64_t head;			/* bytes ever written */
};

void bootlog_add(struct bootlog *log, const void *data, size_t len);

/* Calls @fn with all that is kept, in at most two pieces. */
void bootlog_each(const struct bootlog *log, void (*fn)(void *ctx, const char *text, size_t len),
		  void *ctx);

/* The last lines, without zero bytes; to be freed. NULL if nothing is kept. */
char *bootlog_tail(const struct bootlog *log, int lines);

/* The last lines on stderr, between rules; nothing if nothing is kept. */
void bootlog_show(const struct bootlog *log, int lines);

void bootlog_free(struct bootlog *log);

#endif
