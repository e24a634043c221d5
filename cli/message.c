// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "message.h"
#include "term.h"
#include "text.h"

void message_text(const char *text, size_t len)
{
	char clean[4096];

	while (len) {
		size_t n = min_t(size_t, len, sizeof(clean)), cut = n;

		/* Not in the middle of a character. */
		while (n < len && cut && n - cut < 4 && (text[cut] & 0xc0) == 0x80)
			cut--;
		if (cut && n - cut < 4)
			n = cut;
		memcpy(clean, text, n);
		term_write(clean, text_clean(clean, n));
		text += n;
		len -= n;
	}
}

void message(const char *fmt, ...)
{
	char text[1400];
	int len = snprintf(text, sizeof(text), "ring3: ");
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + len, sizeof(text) - len - 1, fmt, ap);
	va_end(ap);
	text_line(text);
	strcat(text, "\n");
	term_write(text, strlen(text));
}
