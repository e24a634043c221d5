// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "message.h"
#include "term.h"
#include "text.h"

static void (*copy_fn)(void *ctx, const char *text, size_t len);
static void *copy_ctx;

void message_copy(void (*fn)(void *ctx, const char *text, size_t len), void *ctx)
{
	copy_fn = fn;
	copy_ctx = ctx;
}

static void write_text(const char *text, size_t len)
{
	term_write(text, len);
	if (copy_fn)
		copy_fn(copy_ctx, text, len);
}

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
		write_text(clean, text_clean(clean, n));
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
	write_text(text, strlen(text));
}
