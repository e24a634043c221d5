/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For programs that try what a taken-over process would: a line a try, its name, and "reached" or the error. */
#ifndef TESTS_JAIL_TRY_H
#define TESTS_JAIL_TRY_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void say(const char *what, long ret)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%s: %s\n", what, ret >= 0 ? "reached" : strerrorname_np(errno));

	if (write(1, line, n) < 0)
		_exit(3);
}

#define TRY(what, call) do { errno = 0; say(what, (long)(call)); } while (0)

#endif
