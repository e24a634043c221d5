// SPDX-License-Identifier: GPL-2.0-or-later
/* What a libc would have been good for: text, TAP, words, chance. */
#include "bare.h"

#include <asm/unistd.h>

#define LINE_MAX	512

static unsigned int tests;
static uint64_t chance = 0x9e3779b97f4a7c15ULL;

void *memset(void *p, int c, size_t n)
{
	void *to = p;

	__asm__ volatile("rep stosb" : "+D" (to), "+c" (n) : "a" (c) : "memory");
	return p;
}

void *memcpy(void *p, const void *from, size_t n)
{
	void *to = p;

	__asm__ volatile("rep movsb" : "+D" (to), "+S" (from), "+c" (n) : : "memory");
	return p;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--, a++, b++)
		;
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

struct line {
	char text[LINE_MAX];
	unsigned int len;
};

static void flush(struct line *l)
{
	unsigned int done = 0;

	while (done < l->len) {
		long n = bare_call3(__NR_write, bare_boot->console_fd, l->text + done, l->len - done);

		if (n <= 0 && n != -4)
			break;
		done += n > 0 ? n : 0;
	}
	l->len = 0;
}

static void put(struct line *l, char c)
{
	if (l->len == LINE_MAX)
		flush(l);
	l->text[l->len++] = c;
}

static void number(struct line *l, unsigned long v, unsigned int base)
{
	char digits[24];
	unsigned int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	while (n)
		put(l, digits[--n]);
}

static void format(struct line *l, const char *fmt, va_list ap)
{
	for (; *fmt; fmt++) {
		bool is_long = false;
		unsigned long u;
		const char *s;
		long d;

		if (*fmt != '%') {
			put(l, *fmt);
			continue;
		}
		while (*++fmt == 'l')
			is_long = true;
		switch (*fmt) {
		case 's':
			for (s = va_arg(ap, const char *); *s; s++)
				put(l, *s);
			break;
		case 'c':
			put(l, va_arg(ap, int));
			break;
		case 'd':
			d = is_long ? va_arg(ap, long) : va_arg(ap, int);
			if (d < 0)
				put(l, '-');
			number(l, d < 0 ? -(unsigned long)d : (unsigned long)d, 10);
			break;
		case 'u':
		case 'x':
			u = is_long ? va_arg(ap, unsigned long) : va_arg(ap, unsigned int);
			number(l, u, *fmt == 'x' ? 16 : 10);
			break;
		default:
			put(l, *fmt);
		}
	}
}

void bare_vprintf(const char *fmt, va_list ap)
{
	struct line l;

	l.len = 0;
	format(&l, fmt, ap);
	flush(&l);
}

void bare_printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	bare_vprintf(fmt, ap);
	va_end(ap);
}

static void result(bool good, const char *fmt, va_list ap)
{
	struct line l;

	l.len = 0;
	if (!good)
		for (const char *s = "not "; *s; s++)
			put(&l, *s);
	put(&l, 'o');
	put(&l, 'k');
	put(&l, ' ');
	number(&l, ++tests, 10);
	for (const char *s = " - "; *s; s++)
		put(&l, *s);
	format(&l, fmt, ap);
	put(&l, '\n');
	flush(&l);
}

bool bare_ok(bool good, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result(good, fmt, ap);
	va_end(ap);
	return good;
}

bool bare_is(long got, long want, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result(got == want, fmt, ap);
	va_end(ap);
	if (got != want)
		bare_printf("# got %ld, want %ld\n", got, want);
	return got == want;
}

void bare_done(void)
{
	bare_printf("1..%u\n", tests);
}

const char *bare_option(const char *word)
{
	static char value[256];
	const char *p = bare_boot->cmdline;
	size_t n = strlen(word), i;

	for (;;) {
		while (*p == ' ')
			p++;
		if (!*p)
			return NULL;
		if (!strncmp(p, word, n) && p[n] == '=')
			break;
		while (*p && *p != ' ')
			p++;
	}
	p += n + 1;
	for (i = 0; p[i] && p[i] != ' ' && i < sizeof(value) - 1; i++)
		value[i] = p[i];
	value[i] = 0;
	return value;
}

uint32_t bare_random(uint32_t below)
{
	static bool seeded;
	const char *s;

	if (!seeded) {
		seeded = true;
		s = bare_option("seed");
		for (; s && *s >= '0' && *s <= '9'; s++)
			chance = chance * 31 + *s;
	}
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (chance >> 32) * below >> 32;
}
