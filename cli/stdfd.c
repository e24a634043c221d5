// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop.h"
#include "stdfd.h"

#define UNREAD_MS	10000

void stdfd_sanitize(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

void stdfd_open(struct stdfd *io, int fd, bool output)
{
	char path[64];
	struct stat st;

	*io = (struct stdfd){ .fd = fd, .given = fd, .tty = isatty(fd) };
	if (fstat(fd, &st) < 0)
		return;
	io->socket = S_ISSOCK(st.st_mode);
	if (!S_ISFIFO(st.st_mode) && !io->tty)
		return;

	/* A pipe of another user, or with no reader left, cannot be reopened. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	io->fd = open(path, (output ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	io->own = io->fd >= 0;
	if (!io->own) {
		io->fd = fd;
		io->pipe = true;
	}
}

static bool is_ready(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, 0) > 0;
}

bool stdfd_wait(struct stdfd *io, int64_t until)
{
	struct pollfd pfd = { .fd = io->fd, .events = POLLOUT };
	int64_t left = until ? until - loop_now() : UNREAD_MS;

	return left > 0 && poll(&pfd, 1, left) > 0;
}

ssize_t stdfd_read(struct stdfd *io, void *buf, size_t len)
{
	ssize_t n;

	if (io->pipe && !is_ready(io->fd, POLLIN))
		return -EAGAIN;
	if (io->socket)
		n = recv(io->fd, buf, len, MSG_DONTWAIT);
	else
		n = read(io->fd, buf, len);
	if (n < 0 && errno == EINTR)
		return -EAGAIN;
	return n < 0 ? -errno : n;
}

ssize_t stdfd_write(struct stdfd *io, const void *buf, size_t len)
{
	ssize_t n;

	if (io->pipe) {
		/* Ready means room for this much, for a pipe's only writer. */
		if (!is_ready(io->fd, POLLOUT))
			return -EAGAIN;
		if (len > (io->tty ? 256 : PIPE_BUF))
			len = io->tty ? 256 : PIPE_BUF;
	}
	if (io->socket)
		n = send(io->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(io->fd, buf, len);
	if (n < 0 && errno == EINTR)
		return -EAGAIN;
	return n < 0 ? -errno : n;
}

void stdfd_close(struct stdfd *io)
{
	int null;

	if (io->own)
		close(io->fd);
	io->fd = -1;
	io->own = false;
	/* Not left free: the next file opened would become it. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, io->given);
		close(null);
	}
}
