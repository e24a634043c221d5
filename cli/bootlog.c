// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/mutation.h"
#include "base/util.h"
#include "bootlog.h"
#include "term.h"

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

/*
 * Bytes of a UTF-8 character that only prints; 0: it is none. C1 controls are
 * what terminals take for ESC [ and the like; others turn the direction of text.
 */
static size_t printing_char(const unsigned char *p, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0xa0, 0x800, 0x10000 };
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2, i;
	uint32_t c = p[0] & (0x7f >> n);

	if (p[0] < 0xc0 || p[0] > 0xf7 || n > left)
		return 0;
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ||
	    (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
		return 0;
	return n;
}

size_t bootlog_clean(char *text, size_t len)
{
	const unsigned char *p = (unsigned char *)text;
	size_t from, to = 0;

	if (MUTATION_AGENT_TEXT)
		return len;
	for (from = 0; from < len; from++) {
		unsigned char c = p[from];
		size_t n = c >= 0x80 ? printing_char(p + from, len - from) : 0;

		if (c == '\r')
			continue;
		if (n) {
			memmove(text + to, p + from, n);
			to += n;
			from += n - 1;
		} else {
			text[to++] = c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f) ? c : '?';
		}
	}
	return to;
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

void bootlog_show(const struct bootlog *log, int lines)
{
	static const char rule[] = "----------------------------------------\n";
	struct copy c;
	char *text, *p;
	size_t len;

	text = malloc(BOOTLOG_SIZE + 1);
	if (!text || !log->head) {
		free(text);
		return;
	}
	c.at = text;
	bootlog_each(log, append, &c);
	len = bootlog_clean(text, c.at - text);
	if (len && text[len - 1] != '\n')
		text[len++] = '\n';
	for (p = text + len; p > text; p--)
		if (p[-1] == '\n' && p != text + len && !--lines)
			break;
	term_text(rule, sizeof(rule) - 1);
	term_text(p, text + len - p);
	term_text(rule, sizeof(rule) - 1);
	free(text);
}

void bootlog_free(struct bootlog *log)
{
	free(log->buf);
	log->buf = NULL;
}
