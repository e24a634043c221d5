// SPDX-License-Identifier: GPL-2.0-or-later
#include "oops.h"

#include <string.h>
#include <time.h>

#include "base/util.h"

static const struct {
	const char *text;
	const char *kind;
} signs[] = {
	{ "Oops: ", "oops" },
	{ "BUG: soft lockup", "hang" },
	{ "BUG: workqueue lockup", "hang" },
	{ "watchdog: BUG: soft lockup", "hang" },
	{ "watchdog: Watchdog detected hard LOCKUP", "hang" },
	{ "rcu: INFO: rcu_", "hang" },
	{ "INFO: task ", "hang" },
	{ "BUG: ", "oops" },
	{ "kernel BUG at ", "oops" },
};

/* Root in the guest can write such lines without end. */
static void tell(struct oops *o, const char *kind, const char *text)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec != o->second) {
		o->second = now.tv_sec;
		o->nr = 0;
	}
	if (o->nr < OOPS_PER_SECOND)
		o->found(o->ctx, kind, text);
	else if (o->nr == OOPS_PER_SECOND)
		o->found(o->ctx, "limit", "what the guest's kernel reports on its console");
	if (o->nr <= OOPS_PER_SECOND)
		o->nr++;
}

static void look_at_line(struct oops *o)
{
	char *p = o->line, *end;
	size_t i;

	o->line[o->len] = 0;
	if (*p == '[' && (end = strchr(p, ']')))
		p = end + 1 + (end[1] == ' ');
	for (i = 0; i < ARRAY_SIZE(signs); i++) {
		if (!strncmp(p, signs[i].text, strlen(signs[i].text))) {
			tell(o, signs[i].kind, p);
			break;
		}
	}
}

void oops_look(struct oops *o, const char *data, size_t len)
{
	for (; len; len--, data++) {
		if (*data == '\n') {
			look_at_line(o);
			o->len = 0;
		} else if (o->len < OOPS_LINE - 1 && *data != '\r') {
			o->line[o->len++] = *data;
		}
	}
}
