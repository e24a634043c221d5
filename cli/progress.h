/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line about a step that takes a while, as scripts/lib.sh has it: percent and time. */
#ifndef R3_PROGRESS_H
#define R3_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress_line {
	char title[64];
	int64_t start, shown_at;
	int percent;			/* as shown; -1: nothing was yet */
	bool tty;
};

void progress_begin(struct progress_line *p, const char *title);
/* On a terminal in place, else a line each tenth; nothing of what is over at once. */
void progress_at(struct progress_line *p, int percent);
/* @good: it was completed; else the line is taken away. */
void progress_end(struct progress_line *p, bool good);

#endif
