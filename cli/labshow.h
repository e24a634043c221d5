/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is seen of a pool at work: a line for each machine, and on a terminal one that lives. */
#ifndef R3_LABSHOW_H
#define R3_LABSHOW_H

#include <stdbool.h>

#include "labpool.h"

struct labshow {
	const char *lab;
	const char *done;		/* what is said of a job that is done: "is up" */
	bool quiet;
	bool tty;
	bool line;			/* the line that lives is there */
	int64_t begin;
	unsigned int failed, ok;	/* jobs that ended so */
};

void labshow_begin(struct labshow *show, const char *lab, const char *done, bool quiet);
/* labpool's changed(); ctx of the pool is the labshow. */
void labshow_changed(struct labpool *pool, struct labjob *job);
/* A line of one's own. */
void labshow_say(struct labshow *show, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void labshow_end(struct labshow *show);
double labshow_seconds(const struct labshow *show);

#endif
