// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "bootlog.h"
#include "message.h"

void bootlog_add(struct bootlog *log, const void *data, size_t len)
{
	const char *p = data;

	if (!log->buf)
		log->buf = malloc(BOOTLOG_SIZE);
	if (!log->buf)
		return;
	while (len) {
		size_t at = log->head % BOOTLOG_SIZE;
		size_t n = min_t(size_t, len, BOOTLOG_SIZE - at);

		memcpy(log->buf + at, p, n);
		log->head += n;
		p += n;
		len -= n;
	}
}

void bootlog_each(const struct bootlog *log, void (*fn)(void *ctx, const char *text, size_t len),
		  void *ctx)
{
	size_t kept = min_t(uint64_t, log->head, BOOTLOG_SIZE);
	size_t start = (log->head - kept) % BOOTLOG_SIZE;
	size_t first = min_t(size_t, kept, BOOTLOG_SIZE - start);

	if (!log->buf)
		return;
	if (first)
		fn(ctx, log->buf + start, first);
	if (kept > first)
		fn(ctx, log->buf, kept - first);
}

struct copy {
	char *at;
};

static void append(void *ctx, const char *text, size_t len)
{
	struct copy *c = ctx;

	memcpy(c->at, text, len);
	c->at += len;
}

char *bootlog_tail(const struct bootlog *log, int lines)
{
	struct copy c;
	char *text, *p;
	size_t len;

	text = malloc(BOOTLOG_SIZE + 2);
	if (!text || !log->head) {
		free(text);
		return NULL;
	}
	c.at = text;
	bootlog_each(log, append, &c);
	len = c.at - text;
	if (len && text[len - 1] != '\n')
		text[len++] = '\n';
	for (p = text + len; p > text; p--)
		if (p[-1] == '\n' && p != text + len && !--lines)
			break;
	memmove(text, p, text + len - p);
	len = text + len - p;
	text[len] = 0;
	for (p = text; (p = memchr(p, 0, text + len - p)); )
		*p = '?';
	return text;
}

void bootlog_show(const struct bootlog *log, int lines)
{
	static const char rule[] = "----------------------------------------\n";
	cleanup_free char *text = bootlog_tail(log, lines);

	if (!text)
		return;
	message_text(rule, sizeof(rule) - 1);
	message_text(text, strlen(text));
	message_text(rule, sizeof(rule) - 1);
}

void bootlog_free(struct bootlog *log)
{
	free(log->buf);
	log->buf = NULL;
}
