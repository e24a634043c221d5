// SPDX-License-Identifier: GPL-2.0-or-later
#include "labshow.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "message.h"
#include "text.h"

/* Of what a failed machine said last. */
#define LAST_LINES	6

void labshow_begin(struct labshow *show, const char *lab, const char *done, bool quiet)
{
	*show = (struct labshow){ .lab = lab, .done = done, .quiet = quiet, .tty = isatty(2), .begin = loop_now() };
}

static void clear_line(struct labshow *show)
{
	if (show->line)
		dprintf(2, "\r\033[K");
	show->line = false;
}

/* "ring3: 3 of 10, at work: r4 (start), r5 (copying)", as far as a line goes. */
static void live_line(struct labpool *pool, struct labshow *show)
{
	char text[80];
	unsigned int i, over = 0;
	size_t len;

	if (!show->tty || show->quiet)
		return;
	clear_line(show);
	for (i = 0; i < pool->nr; i++)
		over += pool->job[i].state == LABJOB_DONE;
	if (over == pool->nr)
		return;
	len = snprintf(text, sizeof(text), "ring3: %u of %u %s;", over, pool->nr, show->done + (strncmp(show->done, "is ", 3) ? 0 : 3));
	for (i = 0; i < pool->nr && len < sizeof(text) - 8; i++)
		if (pool->job[i].state == LABJOB_WORKING || pool->job[i].state == LABJOB_PAUSING)
			len += snprintf(text + len, sizeof(text) - len, " %s", pool->job[i].name);
	text_line(text);
	dprintf(2, "%s", text);
	show->line = true;
}

double labshow_seconds(const struct labshow *show)
{
	return (loop_now() - show->begin) / 1000.0;
}

static void failed(struct labshow *show, struct labjob *job)
{
	const char *words = labchild_words(&job->child, LAST_LINES);

	message("%s failed: %s%s", job->name, job->why, *words ? "; the last that was said:" : "");
	while (*words) {
		size_t n = strcspn(words, "\n");

		message("%s | %.*s", job->name, (int)n, words);
		words += n + (words[n] == '\n');
	}
}

void labshow_changed(struct labpool *pool, struct labjob *job)
{
	struct labshow *show = pool->ctx;

	switch (job->state) {
	case LABJOB_DONE:
		show->ok++;
		if (!job->nr_steps || job->quiet || show->quiet)
			break;
		clear_line(show);
		message("%s %s (%.1f s)", job->name, show->done, (loop_now() - job->since) / 1000.0);
		break;
	case LABJOB_FAILED:
		show->failed++;
		clear_line(show);
		failed(show, job);
		break;
	case LABJOB_SKIPPED:
		show->failed++;
		clear_line(show);
		message("%s was not started: %s", job->name, job->why);
		break;
	default:
		break;
	}
	live_line(pool, show);
}

void labshow_say(struct labshow *show, const char *fmt, ...)
{
	char text[1200];
	va_list ap;

	if (show->quiet)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clear_line(show);
	message("%s", text);
}

void labshow_end(struct labshow *show)
{
	clear_line(show);
}
