/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Test Anything Protocol: one line a check, the plan at the end. */
#ifndef R3_TAP_H
#define R3_TAP_H

#include <stdbool.h>

/* Prints "ok"/"not ok" with the text; returns @pass. */
bool tap_ok(bool pass, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Says why @n checks are not made. */
void tap_skip(const char *why, const char *what);
/* Prints the plan. Return: exit status of the program. */
int tap_done(void);
/* Ends the program: the environment is at fault, not what is tested. */
void tap_bail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

#define ok(pass, ...)	tap_ok((pass), __FILE__, __LINE__, __VA_ARGS__)
#define is(a, b, ...) ({ \
	long long is_a = (long long)(a), is_b = (long long)(b); \
	bool is_ok = ok(is_a == is_b, __VA_ARGS__); \
	if (!is_ok) \
		tap_note("got %lld, wanted %lld", is_a, is_b); \
	is_ok; })

void tap_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
