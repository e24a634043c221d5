// SPDX-License-Identifier: GPL-2.0-or-later
#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "message.h"
#include "server.h"

#define MAX_CALLS	4

static void (*calls[MAX_CALLS])(struct snapshot *s);
static struct {
	char *data;
	size_t len, size;
} line;

struct snapshot *snapshot_get(struct snapshot *s)
{
	s->users++;
	return s;
}

void snapshot_put(struct snapshot *s)
{
	if (s && !--s->users)
		free(s);
}

void snapshot_want(void (*came)(struct snapshot *s))
{
	size_t i;

	for (i = 0; i < MAX_CALLS && calls[i] && calls[i] != came; i++)
		;
	if (i == MAX_CALLS || calls[i] == came)
		return;
	calls[i] = came;
	/* A pipe that is full has many requests in it. */
	if (write(server.collector.ask, "?", 1) < 0)
		return;
}

static void take(const char *text, size_t len)
{
	struct snapshot *s = malloc(sizeof(*s) + len + 1);
	void (*now[MAX_CALLS])(struct snapshot *s);
	size_t i;

	if (!s)
		return;
	s->users = 1;
	s->len = len;
	memcpy(s->text, text, len);
	s->text[len] = '\0';
	memcpy(now, calls, sizeof(now));
	memset(calls, 0, sizeof(calls));
	for (i = 0; i < MAX_CALLS && now[i]; i++)
		now[i](s);
	snapshot_put(s);
}

/* False: no more for now. */
static bool read_more(int fd)
{
	ssize_t n;

	if (line.len == line.size) {
		size_t size = line.size ? 2 * line.size : 65536;
		char *bigger = size <= 2 * COLLECT_MAX ? realloc(line.data, size) : NULL;

		if (!bigger)
			return false;
		line.data = bigger;
		line.size = size;
	}
	n = read(fd, line.data + line.len, line.size - line.len);
	if (n > 0)
		line.len += n;
	return n > 0;
}

int lines_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	size_t from;
	char *nl;

	switch (reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return 1;
	case LWS_CALLBACK_RAW_RX_FILE:
		from = line.len;
		if (!read_more(server.collector.lines))
			return 0;
		while ((nl = memchr(line.data + from, '\n', line.len - from))) {
			take(line.data, nl - line.data);
			line.len -= nl + 1 - line.data;
			memmove(line.data, nl + 1, line.len);
			from = 0;
		}
		return 0;
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		if (!server.ending)
			message("the process that collects what there is has ended; start \"ring3 web\" again");
		return 0;
	default:
		return 0;
	}
}
