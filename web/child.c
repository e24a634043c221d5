// SPDX-License-Identifier: GPL-2.0-or-later
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/util.h"
#include "signals.h"

static void __attribute__((noreturn)) become(const char *path, char *const argv[], int in, int out, bool terminal)
{
	setsid();
	if (terminal && ioctl(in, TIOCSCTTY, 0) < 0)
		_exit(127);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	util_close_range(3, ~0U >> 1);
	signals_default();
	execv(path, argv);
	dprintf(2, "%s cannot be executed: %s\n", path, strerror(errno));
	_exit(127);
}

static int started(struct child *c, pid_t pid, int fd, const char *what, struct r3_err *err)
{
	int e = errno;

	if (pid < 0) {
		close(fd);
		return err_set(err, e, "ring3 %s cannot be started: %s%s", what, strerror(e), e == EAGAIN ? "; raise the limit of processes (ulimit -u)" : "");
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	*c = (struct child){ .pid = pid, .fd = fd };
	return 0;
}

int child_on_pty(struct child *c, const char *path, char *const argv[], unsigned int cols, unsigned int rows, struct r3_err *err)
{
	struct winsize size = { .ws_col = cols, .ws_row = rows };
	cleanup_close int slave = -1;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[64];
	pid_t pid;

	if (master < 0 || grantpt(master) || unlockpt(master) || ptsname_r(master, name, sizeof(name)) ||
	    (slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
		int e = errno;

		if (master >= 0)
			close(master);
		return err_set(err, e, "no terminal for ring3 %s: %s", argv[1], strerror(e));
	}
	ioctl(master, TIOCSWINSZ, &size);
	pid = fork();
	if (!pid) {
		setenv("TERM", "xterm-256color", 1);
		become(path, argv, slave, slave, true);
	}
	return started(c, pid, master, argv[1], err);
}

int child_on_pipe(struct child *c, const char *path, char *const argv[], struct r3_err *err)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	cleanup_close int write_end = -1;
	int p[2];
	pid_t pid;

	if (null < 0 || pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, errno, "no pipe for ring3 %s: %s", argv[1], strerror(errno));
	write_end = p[1];
	pid = fork();
	if (!pid) {
		/* Nobody is left to stop a capture then. One on a terminal is hung up on. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		become(path, argv, null, p[1], false);
	}
	return started(c, pid, p[0], argv[1], err);
}

void child_resize(const struct child *c, unsigned int cols, unsigned int rows)
{
	struct winsize size = { .ws_col = cols, .ws_row = rows };

	if (c->fd >= 0)
		ioctl(c->fd, TIOCSWINSZ, &size);
}

bool child_reap(struct child *c, int *status)
{
	int s;

	if (!c->pid || waitpid(c->pid, &s, WNOHANG) != c->pid)
		return false;
	c->pid = 0;
	*status = WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s);
	return true;
}

void child_close(struct child *c, int sig)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (c->pid && sig)
		kill(c->pid, sig);
}
