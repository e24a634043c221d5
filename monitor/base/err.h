/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors: functions return 0 or a negative errno and fill an error object
 * only on failure. Context is added on the way out, main prints it once.
 */
#ifndef R3_ERR_H
#define R3_ERR_H

struct r3_err {
	int code;		/* negative errno */
	char msg[1024];
};

/* Sets code and message, returns code (negated if positive) for "return err_set(...)". */
int err_set(struct r3_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts "context: " before the message, returns err->code. */
int err_wrap(struct r3_err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
