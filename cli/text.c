// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mutation.h"
#include "base/util.h"
#include "text.h"

/* The longest command that "info" tells has 8 KiB. */
#define PARTS_MAX	20000

/*
 * C1 controls, which terminals take for ESC [ and the like, and what Unicode calls
 * Cf, Zl and Zp (format characters, line and paragraph separators), in order.
 */
static const struct {
	uint32_t first, last;
} unseen[] = {
	{ 0x80, 0x9f }, { 0xad, 0xad }, { 0x600, 0x605 }, { 0x61c, 0x61c }, { 0x6dd, 0x6dd },
	{ 0x70f, 0x70f }, { 0x890, 0x891 }, { 0x8e2, 0x8e2 }, { 0x180e, 0x180e },
	{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
	{ 0xfff9, 0xfffb }, { 0x110bd, 0x110bd }, { 0x110cd, 0x110cd }, { 0x13430, 0x1343f },
	{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe007f },
};

/* Bytes of the UTF-8 character of more than one byte at p, and which it is; 0: there is none. */
static size_t decode(const unsigned char *p, size_t left, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2, i;

	if (p[0] < 0xc0 || p[0] > 0xf7 || n > left)
		return 0;
	*c = p[0] & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3f);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return n;
}

static bool is_unseen(uint32_t c)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unseen); i++)
		if (c >= unseen[i].first && c <= unseen[i].last)
			return true;
	return false;
}

size_t text_clean(char *text, size_t len)
{
	const unsigned char *p = (unsigned char *)text;
	size_t from, to = 0;

	if (MUTATION_AGENT_TEXT)
		return len;
	for (from = 0; from < len; from++) {
		unsigned char b = p[from];
		uint32_t c;
		size_t n = b >= 0x80 ? decode(p + from, len - from, &c) : 0;

		if (b == '\r')
			continue;
		if (n && !is_unseen(c)) {
			memmove(text + to, p + from, n);
			to += n;
			from += n - 1;
		} else {
			text[to++] = b == '\n' || b == '\t' || (b >= 0x20 && b < 0x7f) ? b : '?';
		}
	}
	return to;
}

void text_line(char *text)
{
	text[text_clean(text, strlen(text))] = 0;
	for (; (text = strpbrk(text, "\n\t")); *text = ' ')
		;
}

char *text_json(struct json_object *o)
{
	const char *json = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	size_t len = json ? strlen(json) : 0, from, to = 0, n;
	const unsigned char *p = (const unsigned char *)json;
	/* A byte becomes at most "\u007f". */
	char *text = json ? malloc(6 * len + 1) : NULL;
	uint32_t c;

	for (from = 0; text && from < len; from += n) {
		n = p[from] >= 0x80 ? decode(p + from, len - from, &c) : 0;
		if (n && c >= 0x10000)
			to += sprintf(text + to, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
		else if (n)
			to += sprintf(text + to, "\\u%04x", c);
		else if (p[from] == 0x7f)
			to += sprintf(text + to, "\\u007f");
		else
			text[to++] = p[from] >= 0x80 ? '?' : p[from];
		n = n ? n : 1;
	}
	if (text)
		text[to] = 0;
	return text;
}

struct json_object *text_parse(const char *json)
{
	unsigned int parts = 0;
	const char *p;

	/* Also those of strings: what is one the parser knows alone. */
	for (p = json; (p = strpbrk(p, "{[,")) && parts <= PARTS_MAX; p++)
		parts++;
	return parts > PARTS_MAX ? NULL : json_tokener_parse(json);
}

int64_t text_number(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_int64(v) : 0;
}
