// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "term.h"
#include "term_guard.h"

#define ESCAPE_CHAR	0x1d	/* Ctrl-] */
#define ESCAPE_TIMES	3

static struct termios saved;
static volatile sig_atomic_t raw_fd = -1;

void term_restore(void)
{
	int fd = raw_fd;

	if (fd < 0)
		return;
	raw_fd = -1;
	tcsetattr(fd, TCSANOW, &saved);
}

static void at_end(void)
{
	term_restore();
	term_guard_end();
}

static void crashed(int sig)
{
	int fd = raw_fd;

	if (fd >= 0)
		tcsetattr(fd, TCSANOW, &saved);
	/* The handler was reset: this time it kills. */
	raise(sig);
}

static void catch_crashes(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGXCPU, SIGXFSZ };
	struct sigaction sa = { .sa_handler = crashed, .sa_flags = SA_RESETHAND | SA_NODEFER };
	size_t i;

	for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &sa, NULL);
}

int term_raw(int fd)
{
	static bool once;
	struct termios tio;

	if (raw_fd >= 0)
		return 0;
	if (tcgetattr(fd, &saved) < 0)
		return -errno;
	if (!once) {
		once = true;
		atexit(at_end);
		catch_crashes();
		term_guard(fd, &saved);
	}
	/* Not waiting for output to drain: nobody may be reading it. */
	tio = saved;
	cfmakeraw(&tio);
	raw_fd = fd;
	if (tcsetattr(fd, TCSANOW, &tio) < 0) {
		raw_fd = -1;
		return -errno;
	}
	return 0;
}

bool term_is_raw(void)
{
	return raw_fd >= 0;
}

void term_size(int fd, int other, struct r3_agent_winsize *size)
{
	struct winsize ws = { 0 };

	if (ioctl(fd, TIOCGWINSZ, &ws) < 0)
		ioctl(other, TIOCGWINSZ, &ws);
	*size = (struct r3_agent_winsize){ ws.ws_row, ws.ws_col, ws.ws_xpixel, ws.ws_ypixel };
}

void term_write(const char *text, unsigned long len)
{
	const char *end = text + len, *nl;

	while (text < end) {
		nl = term_is_raw() ? memchr(text, '\n', end - text) : NULL;
		if (!nl)
			nl = end;
		fwrite(text, 1, nl - text, stderr);
		if (nl < end)
			fputs("\r\n", stderr);
		text = nl + 1;
	}
	fflush(stderr);
}

bool term_escaped(struct term_escape *esc, const void *data, unsigned long len)
{
	const unsigned char *p = data;
	struct timespec ts;
	long long now;

	for (; len; len--, p++) {
		if (*p != ESCAPE_CHAR) {
			esc->count = 0;
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &ts);
		now = ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
		if (!esc->count || now - esc->since_ms > 1000) {
			esc->count = 0;
			esc->since_ms = now;
		}
		if (++esc->count == ESCAPE_TIMES)
			return true;
	}
	return false;
}
