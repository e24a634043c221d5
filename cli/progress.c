// SPDX-License-Identifier: GPL-2.0-or-later
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"
#include "text.h"

#define QUICK_MS	400

void progress_begin(struct progress_line *p, const char *title)
{
	*p = (struct progress_line){ .start = loop_now(), .percent = -1, .tty = isatty(2) };
	snprintf(p->title, sizeof(p->title), "ring3: %s", title);
	text_line(p->title);
}

static void show(struct progress_line *p, int percent, const char *end)
{
	int64_t seconds = (loop_now() - p->start) / 1000;

	dprintf(2, "%s%-44s %3d %%  %2d:%02d%s", p->tty ? "\r" : "", p->title, percent, (int)(seconds / 60), (int)(seconds % 60), end);
	p->percent = percent;
	p->shown_at = loop_now();
}

void progress_at(struct progress_line *p, int percent)
{
	if (loop_now() - p->start < QUICK_MS || percent < p->percent)
		return;
	if (p->tty ? percent > p->percent || loop_now() - p->shown_at > 1000 : p->percent < 0 || percent / 10 > p->percent / 10)
		show(p, percent, p->tty ? "" : "\n");
}

void progress_end(struct progress_line *p, bool good)
{
	if (p->percent < 0)
		return;
	if (good)
		show(p, 100, "\n");
	else if (p->tty)
		dprintf(2, "\r\033[K");
}
