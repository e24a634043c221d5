// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation
 *
 * SIGKILL, by hand or because the host is out of memory, leaves a process no
 * last word. So while ring3 has a terminal in raw mode there is a second, idle
 * process that holds nothing but the terminal and the reading end of a pipe.
 * Its end of file says that ring3 is gone. In a session of its own it gets no
 * signal from the terminal, and may set it though it is in the background.
 *
 * The user's shell takes the terminal back at the same moment and has its own
 * idea of it, so the guard changes only what is raw still.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/util.h"
#include "term_guard.h"

static int guard_pipe = -1;

/* Of what cfmakeraw() clears, that by which a shell would be unusable. */
static bool is_raw(int fd)
{
	struct termios now;

	return !tcgetattr(fd, &now) && !(now.c_lflag & (ICANON | ECHO | ISIG)) && !(now.c_oflag & OPOST);
}

static void __attribute__((noreturn)) guard(int tty, int pipe_fd, const struct termios *cooked)
{
	ssize_t n;
	char word;

	setsid();
	prctl(PR_SET_NAME, "ring3-terminal");
	tty = fcntl(tty, F_DUPFD, 3);
	pipe_fd = fcntl(pipe_fd, F_DUPFD, 3);
	if (tty < 0 || pipe_fd < 0 || dup2(tty, 0) < 0 || dup2(pipe_fd, 1) < 0)
		_exit(1);
	util_close_range(2, ~0U >> 1);
	do
		n = read(1, &word, 1);
	while (n < 0 && errno == EINTR);
	if (n == 0 && is_raw(0))
		tcsetattr(0, TCSANOW, cooked);
	_exit(0);
}

void term_guard(int fd, const struct termios *cooked)
{
	pid_t pid;
	int p[2];

	if (guard_pipe >= 0 || pipe2(p, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (!pid)
		guard(fd, p[0], cooked);
	close(p[0]);
	if (pid < 0)
		close(p[1]);
	else
		guard_pipe = p[1];
}

void term_guard_end(void)
{
	if (guard_pipe >= 0 && write(guard_pipe, "", 1) == 1)
		close(guard_pipe);
	guard_pipe = -1;
}
