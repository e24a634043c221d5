// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/bootlog: text of a guest on the user's terminal. */
#include <string.h>

#include "bootlog.h"
#include "tap.h"

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
	};
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];
		size_t n = strlen(cases[i].from);

		memcpy(text, cases[i].from, n);
		n = bootlog_clean(text, n);
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
			size_t n = bootlog_clean(text, 3);

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

int main(void)
{
	test_clean();
	test_every_pair();
	return tap_done();
}
