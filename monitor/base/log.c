// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_PER_SECOND	10

static int log_fd = -1;
static const char *log_prefix = "ring3";

void log_open(int fd, const char *prefix)
{
	log_fd = fd;
	log_prefix = prefix;
}

/* A guest that provokes messages must not fill the host's disk with them. */
static bool log_allowed(void)
{
	static uint64_t window;		/* second << 8 | messages in it */
	uint64_t old, new;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	old = __atomic_load_n(&window, __ATOMIC_RELAXED);
	do {
		if (old >> 8 != (uint64_t)ts.tv_sec)
			new = (uint64_t)ts.tv_sec << 8 | 1;
		else if ((old & 0xff) >= LOG_PER_SECOND)
			return false;
		else
			new = old + 1;
	} while (!__atomic_compare_exchange_n(&window, &old, new, false,
					      __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

void log_warn(const char *fmt, ...)
{
	int saved = errno;
	char line[1200];
	size_t n;
	va_list ap;

	if (log_fd < 0 || !log_allowed())
		return;

	snprintf(line, sizeof(line) - 1, "%s: ", log_prefix);
	n = strlen(line);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - 1 - n, fmt, ap);
	va_end(ap);
	n = strlen(line);
	line[n++] = '\n';
	if (write(log_fd, line, n) < 0)
		errno = saved;	/* nobody is left to tell */
	errno = saved;
}
