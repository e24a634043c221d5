// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "hvc.h"
#include "message.h"

static void update(struct hvc *h)
{
	/* Our reader sets the pace, so that nothing of it is lost. */
	h->watch.events = (h->out_len ? 0 : POLLIN) | (h->in_len ? POLLOUT : 0);
	h->in_watch.events = h->attached && h->in.fd >= 0 && !h->in_len && h->fd >= 0 ? POLLIN : 0;
	h->out_watch.events = h->out_len ? POLLOUT : 0;
}

static void write_out(struct hvc *h)
{
	ssize_t n;

	while (h->out_len) {
		n = stdfd_write(&h->out, h->out_buf + h->out_start, h->out_len);
		if (n == -EAGAIN)
			return;
		if (n < 0) {
			h->out_len = 0;
			h->attached = false;
			if (h->unread)
				h->unread(h->ctx);
			return;
		}
		h->out_start += n;
		h->out_len -= n;
	}
}

/* Returns false when there is nothing (more) to read. */
static bool read_console(struct hvc *h)
{
	ssize_t n = read(h->fd, h->out_buf, sizeof(h->out_buf));

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			loop_unwatch(h->loop, &h->watch);
		return false;
	}
	bootlog_add(&h->log, h->out_buf, n);
	if (h->output)
		h->output(h->ctx, h->out_buf, n);
	if (h->attached) {
		h->out_start = 0;
		h->out_len = n;
		write_out(h);
	} else if (h->verbose) {
		message_text(h->out_buf, n);
	}
	return true;
}

static bool read_early(struct hvc *h)
{
	char text[4096];
	ssize_t n = read(h->early_fd, text, sizeof(text));

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			loop_unwatch(h->loop, &h->early_watch);
		return false;
	}
	bootlog_add(&h->log, text, n);
	if (h->early_verbose)
		message_text(text, n);
	return true;
}

static void early_ready(void *ctx, short revents)
{
	read_early(ctx);
}

static void write_in(struct hvc *h)
{
	ssize_t n;

	if (!h->in_len)
		return;
	n = write(h->fd, h->in_buf, h->in_len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		n = h->in_len;
	h->in_len -= n;
	memmove(h->in_buf, h->in_buf + n, h->in_len);
	if (h->room && h->in_len < HVC_PENDING)
		h->room(h->ctx);
}

static void console_ready(void *ctx, short revents)
{
	struct hvc *h = ctx;

	if (revents & POLLOUT)
		write_in(h);
	if (revents & (POLLIN | POLLHUP | POLLERR) && !h->out_len)
		read_console(h);
	update(h);
}

static void stdin_ready(void *ctx, short revents)
{
	struct hvc *h = ctx;
	char data[HVC_PENDING];
	ssize_t n;

	if (h->in_len)
		return;
	n = stdfd_read(&h->in, data, sizeof(data));
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		/* The guest goes on: a console has no end of file. */
		h->in.fd = -1;
		loop_unwatch(h->loop, &h->in_watch);
		return;
	}
	if (h->in.tty && term_escaped(&h->escape, data, n)) {
		h->escaped(h->ctx);
		return;
	}
	hvc_input(h, data, n);
}

static void stdout_ready(void *ctx, short revents)
{
	struct hvc *h = ctx;

	write_out(h);
	update(h);
}

void hvc_init(struct hvc *h, struct loop *loop)
{
	h->loop = loop;
	h->fd = -1;
	h->early_fd = -1;
	h->in.fd = -1;
	h->out.fd = -1;
}

void hvc_start(struct hvc *h, int fd, int early_fd)
{
	h->fd = fd;
	h->early_fd = early_fd;
	h->in_len = 0;
	loop_watch(h->loop, &h->watch, fd, POLLIN, console_ready, h);
	if (early_fd >= 0)
		loop_watch(h->loop, &h->early_watch, early_fd, POLLIN, early_ready, h);
	update(h);
}

/* Returns false when it was not all taken. */
static bool flush_stdout(struct hvc *h, int64_t until)
{
	for (;;) {
		write_out(h);
		if (!h->out_len)
			return true;
		if (!stdfd_wait(&h->out, until))
			break;
	}
	h->out_len = 0;
	return false;
}

void hvc_stop(struct hvc *h, int64_t until)
{
	bool heard = true;

	if (h->fd < 0)
		return;
	do {
		if (heard)
			heard = flush_stdout(h, until);
		else
			h->out_len = 0;
	} while (read_console(h));
	while (h->early_fd >= 0 && read_early(h))
		;
	loop_unwatch(h->loop, &h->watch);
	close(h->fd);
	h->fd = -1;
	if (h->early_fd >= 0) {
		loop_unwatch(h->loop, &h->early_watch);
		close(h->early_fd);
		h->early_fd = -1;
	}
	h->in_len = 0;
	update(h);
}

int hvc_attach(struct hvc *h)
{
	h->attached = true;
	stdfd_open(&h->in, 0, false);
	stdfd_open(&h->out, 1, true);
	loop_watch(h->loop, &h->in_watch, h->in.fd, 0, stdin_ready, h);
	loop_watch(h->loop, &h->out_watch, h->out.fd, 0, stdout_ready, h);
	update(h);
	return h->in.tty ? term_raw(0) : 0;
}

size_t hvc_input(struct hvc *h, const char *data, size_t len)
{
	size_t n = min_t(size_t, len, sizeof(h->in_buf) - h->in_len);

	if (h->fd < 0)
		return len;
	memcpy(h->in_buf + h->in_len, data, n);
	h->in_len += n;
	write_in(h);
	update(h);
	return n;
}

void hvc_free(struct hvc *h)
{
	hvc_stop(h, 0);
	if (h->out.fd >= 0) {
		loop_unwatch(h->loop, &h->in_watch);
		loop_unwatch(h->loop, &h->out_watch);
		if (h->in.own)
			close(h->in.fd);
		if (h->out.own)
			close(h->out.fd);
	}
	bootlog_free(&h->log);
}
