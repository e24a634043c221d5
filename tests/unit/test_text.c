// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/text: text of anybody on the user's terminal. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "text.h"

static void test_clean(void)
{
	static const struct {
		const char *what, *from, *to;
	} cases[] = {
		{ "plain text", "a b\tc\n~", "a b\tc\n~" },
		{ "an escape sequence", "a\033[2Jb\033]0;x\007", "a?[2Jb?]0;x?" },
		{ "carriage returns and backspaces", "a\rb\bc\177", "ab?c?" },
		{ "8-bit controls", "a\233" "2Jb\235\220", "a?2Jb??" },
		{ "the same in UTF-8", "a\302\233" "2J\302\200\302\237", "a??2J????" },
		{ "letters in UTF-8", "gr\303\266\303\237e \342\202\254 \360\237\230\200 \302\240", "gr\303\266\303\237e \342\202\254 \360\237\230\200 \302\240" },
		{ "too long for what they are", "\300\233 \340\200\233 \360\200\200\233", "?? ??? ????" },
		{ "no characters", "\355\240\200 \364\220\200\200 \370\210\200\200\200", "??? ???? ?????" },
		{ "cut off", "\303", "?" },
		{ "cut off in the middle", "\342\202", "??" },
		{ "a letter in between", "\342a\254", "?a?" },
		{ "what turns the direction of text", "a\342\200\256b\342\201\246c\342\200\250", "a???b???c???" },
		{ "the same in Arabic and Mongolian", "a\330\234b\341\240\216", "a??b???" },
		{ "what is not seen", "a\302\255b\342\200\213c\357\273\277d\363\240\201\201", "a??b???c???d????" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];
		size_t n = strlen(cases[i].from);

		memcpy(text, cases[i].from, n);
		n = text_clean(text, n);
		if (!ok(n == strlen(cases[i].to) && !memcmp(text, cases[i].to, n), "%s", cases[i].what))
			tap_note("got %zu bytes: %.*s", n, (int)n, text);
	}
}

static void test_every_pair(void)
{
	unsigned int a, b, i, bad = 0;

	for (a = 0; a < 256; a++) {
		for (b = 0; b < 256; b++) {
			char text[3] = { a, b, '.' };
			size_t n = text_clean(text, 3);

			for (i = 0; i < n; i++) {
				unsigned char c = text[i], before = i ? text[i - 1] : 0;

				if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f ||
				    (c >= 0x80 && c < 0xa0 && (before < 0xc3 || before > 0xf4)))
					bad++;
			}
		}
	}
	is(bad, 0, "no two bytes are a control");
}

/* General category Cf, Zl and Zp of Unicode, as the table has them, and their neighbours. */
static void test_formats(void)
{
	static const struct {
		unsigned int c;
		bool seen;
	} cases[] = {
		{ 0x7e, true }, { 0x7f, false }, { 0x80, false }, { 0x9f, false }, { 0xa0, true }, { 0xad, false },
		{ 0x5ff, true }, { 0x600, false }, { 0x606, true }, { 0x61b, true }, { 0x61c, false }, { 0x61d, true },
		{ 0x200a, true }, { 0x200b, false }, { 0x200e, false }, { 0x200f, false }, { 0x2010, true },
		{ 0x2028, false }, { 0x202a, false }, { 0x202e, false }, { 0x202f, true },
		{ 0x2066, false }, { 0x2069, false }, { 0x206f, false }, { 0x2070, true },
		{ 0xfefe, true }, { 0xfeff, false }, { 0xff00, true }, { 0xe0020, false }, { 0xe0100, true },
	};
	unsigned int i, bad = 0;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int c = cases[i].c;
		char text[5] = { 0 };

		if (c < 0x80)
			text[0] = c;
		else if (c < 0x800)
			memcpy(text, (char []){ 0xc0 | c >> 6, 0x80 | (c & 63) }, 2);
		else if (c < 0x10000)
			memcpy(text, (char []){ 0xe0 | c >> 12, 0x80 | (c >> 6 & 63), 0x80 | (c & 63) }, 3);
		else
			memcpy(text, (char []){ 0xf0 | c >> 18, 0x80 | (c >> 12 & 63), 0x80 | (c >> 6 & 63), 0x80 | (c & 63) }, 4);
		text_clean(text, strlen(text));
		if ((text[0] != '?') != cases[i].seen) {
			tap_note("U+%04X", c);
			bad++;
		}
	}
	is(bad, 0, "format characters are replaced, their neighbours are not");
}

static void test_line(void)
{
	char text[] = "a\nb\tc\rd\033[2J\nring3: e";

	text_line(text);
	ok(!strcmp(text, "a b cd?[2J ring3: e"), "what is to be a line is one");
}

static void test_json(void)
{
	static const char name[] = "a\"\033\177\302\233\330\234\342\200\256\360\237\230\200\377\303";
	struct json_object *o = json_object_new_object(), *back, *v = NULL;
	unsigned int i, bad = 0;
	char *text;

	json_object_object_add(o, "k", json_object_new_string(name));
	text = text_json(o);
	for (i = 0; text[i]; i++)
		bad += (unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e;
	if (!is(bad, 0, "JSON is ASCII without controls, whatever is in a string"))
		tap_note("%s", text);
	back = json_tokener_parse(text);
	json_object_object_get_ex(back, "k", &v);
	/* All but what is no UTF-8. */
	ok(v && !strncmp(json_object_get_string(v), name, strlen(name) - 2) &&
	   !strcmp(json_object_get_string(v) + strlen(name) - 2, "??"), "and means the same");
	free(text);
	json_object_put(back);
	json_object_put(o);
}

int main(void)
{
	test_clean();
	test_every_pair();
	test_formats();
	test_line();
	test_json();
	return tap_done();
}
