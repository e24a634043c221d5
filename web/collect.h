/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is, as one line of JSON: machines, switches and labs of this user. A process of its
 * own collects it, since a guest that is stopped may let one wait, and what guests say is parsed.
 */
#ifndef R3_WEB_COLLECT_H
#define R3_WEB_COLLECT_H

#include <sys/types.h>

#define COLLECT_MAX	(8 << 20)	/* bytes of a line */

struct collector {
	pid_t pid;
	int ask;		/* a byte written here asks for a line */
	int lines;		/* where it comes, non-blocking */
};

/* 0 or -errno. Ends when `ask` is closed. */
int collect_start(struct collector *c);

#endif
