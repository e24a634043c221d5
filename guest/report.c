// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "agent.h"

void report(const char *fmt, ...)
{
	char text[700];
	int fd, len;
	va_list ap;

	len = snprintf(text, sizeof(text), "<3>ring3: ");
	va_start(ap, fmt);
	len += vsnprintf(text + len, sizeof(text) - len - 1, fmt, ap);
	va_end(ap);
	if (len > (int)sizeof(text) - 2)
		len = sizeof(text) - 2;
	text[len++] = '\n';
	fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		/* No devtmpfs: what the kernel gave us as console. */
		if (write(2, text + 3, len - 3) < 0)
			return;
		return;
	}
	if (write(fd, text, len) < 0) {
		/* There is nobody left to tell. */
	}
	close(fd);
}
