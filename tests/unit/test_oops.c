// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/oops: what a kernel complains of on its console. */
#include <stdio.h>
#include <string.h>

#include "oops.h"
#include "tap.h"

static char found[4096];

static void take(void *ctx, const char *kind, const char *text)
{
	size_t n = strlen(found);

	snprintf(found + n, sizeof(found) - n, "%s|%s;", kind, text);
}

static void try(const char *what, const char *text, const char *want)
{
	struct oops o = { .found = take };
	size_t i, n = strlen(text);

	found[0] = 0;
	oops_look(&o, text, n);
	if (!ok(!strcmp(found, want), "%s", what))
		tap_note("got %s, wanted %s", found, want);
	/* A byte at a time: as it comes from a slow guest. */
	o.len = 0;
	found[0] = 0;
	for (i = 0; i < n; i++)
		oops_look(&o, text + i, 1);
	ok(!strcmp(found, want), "%s, in pieces", what);
}

static unsigned int nr_found, nr_limits;

static void count(void *ctx, const char *kind, const char *text)
{
	nr_found++;
	nr_limits += !strcmp(kind, "limit");
}

/* Who listens to events must not be cut off by a guest that writes such lines. */
static void flood(void)
{
	struct oops o = { .found = count };
	int i;

	for (i = 0; i < 100000; i++)
		oops_look(&o, "BUG: x\n", 7);
	/* It takes a moment, in which a second may begin. */
	ok(nr_limits >= 1 && nr_found <= 10 * (OOPS_PER_SECOND + 1) && nr_found >= OOPS_PER_SECOND, "a flood is told of, and bounded");
	tap_note("%u were passed on, with %u limits", nr_found, nr_limits);
	o.second--;
	nr_found = 0;
	oops_look(&o, "BUG: y\n", 7);
	ok(nr_found == 1, "a second later it looks again");
}

int main(void)
{
	static char line[3000];

	try("an oops", "[    4.035201] Oops: 0002 [#1] SMP\r\n", "oops|Oops: 0002 [#1] SMP;");
	try("a BUG", "[   12.3] BUG: kernel NULL pointer dereference, address: 0000000000000000\n", "oops|BUG: kernel NULL pointer dereference, address: 0000000000000000;");
	try("a soft lockup", "[1.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\n", "hang|watchdog: BUG: soft lockup - CPU#0 stuck for 22s!;");
	try("a stall", "[1.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:\n", "hang|rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:;");
	try("a hung task", "[1.0] INFO: task cat:12 blocked for more than 120 seconds.\n", "hang|INFO: task cat:12 blocked for more than 120 seconds.;");
	try("without a time stamp", "Oops: 1\n", "oops|Oops: 1;");
	try("two", "Oops: 1\nx\nBUG: 2\n", "oops|Oops: 1;oops|BUG: 2;");
	try("in the middle of a line", "he said: Oops: 1\n[ 1] x BUG: y\n", "");
	try("a line that has not ended", "Oops: 1", "");
	try("nothing", "\n\n[\n]\n[]\n[1.0]\n", "");
	memset(line, 'x', sizeof(line) - 2);
	line[sizeof(line) - 2] = '\n';
	try("a long line", line, "");
	memcpy(line, "BUG: ", 5);
	found[0] = 0;
	oops_look(&(struct oops){ .found = take }, line, strlen(line));
	ok(strlen(found) < OOPS_LINE + 8 && !strncmp(found, "oops|BUG: xxx", 13), "of a long one the begin");
	flood();
	return tap_done();
}
