// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "message.h"
#include "runframe.h"
#include "session.h"

/* How often to look whether a background job has become the foreground one. */
#define FOREGROUND_MS	500

bool session_wants_tty(void)
{
	return isatty(0) && isatty(1);
}

static void check_done(struct session *s)
{
	if (s->done || !s->over || s->out.queued || s->err.queued)
		return;
	s->done = true;
	s->on_done(s->ctx);
}

/* ---- the caller's stdin ---- */

static void in_update(struct session *s)
{
	bool want = !s->in_closed && !s->over && s->in_credit && s->in_retry.due < 0 &&
		    wire_queued(s->wire) < WIRE_LOW && !s->wire->broken;

	s->in_watch.events = want ? POLLIN : 0;
}

static void in_end(struct session *s)
{
	if (s->in_closed)
		return;
	s->in_closed = true;
	wire_send(s->wire, R3_FRAME_STDIN, s->id, NULL, 0);
	in_update(s);
}

static void in_ready(void *ctx, short revents)
{
	struct session *s = ctx;
	size_t want = min_t(size_t, R3_AGENT_DATA_MAX, s->in_credit);
	uint8_t *room;
	ssize_t n;

	/* Reading in the background would stop this process. */
	if (s->in.tty && tcgetpgrp(s->in.fd) != getpgrp() && tcgetpgrp(s->in.fd) > 0) {
		timer_set(&s->in_retry, FOREGROUND_MS);
		in_update(s);
		return;
	}
	room = want ? wire_reserve(s->wire, want) : NULL;
	if (!room) {
		in_update(s);
		return;
	}
	n = stdfd_read(&s->in, room, want);
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		in_end(s);
		return;
	}
	if (s->tty && term_escaped(&s->escape, room, n) && s->on_escape) {
		s->on_escape(s->ctx);
		return;
	}
	wire_commit(s->wire, R3_FRAME_STDIN, s->id, n);
	s->in_credit -= n;
	in_update(s);
}

static void in_again(void *ctx)
{
	in_update(ctx);
}

/* ---- the caller's stdout and stderr ---- */

static void out_consumed(struct session_out *o, uint32_t n)
{
	struct session *s = o->session;
	struct r3_agent_credit credit = { .stream = o->type };

	o->owed += n;
	if (o->owed < SESSION_WINDOW / 4)
		return;
	credit.bytes = o->owed;
	o->granted += o->owed;
	o->owed = 0;
	if (!s->over)
		wire_send(s->wire, R3_FRAME_CREDIT, s->id, &credit, sizeof(credit));
}

/* Whoever read it is gone: as with any pipe, the writer shall hear of it. */
static void out_broken(struct session_out *o)
{
	struct session *s = o->session;
	uint32_t stream = o->type;

	o->closed = true;
	out_consumed(o, o->queued);
	o->queued = 0;
	o->watch.events = 0;
	loop_unwatch(s->loop, &o->watch);
	if (!s->over)
		wire_send(s->wire, R3_FRAME_CLOSE, s->id, &stream, sizeof(stream));
}

static size_t out_write(struct session_out *o, const uint8_t *data, size_t len)
{
	struct session *s = o->session;
	size_t done = 0;
	ssize_t n;

	if (s->sink) {
		s->sink(s->ctx, o->type, data, len);
		return len;
	}
	while (done < len) {
		n = stdfd_write(&o->io, data + done, len - done);
		if (n == -EAGAIN)
			break;
		if (n < 0) {
			if (n != -EPIPE)
				message("cannot write to %s: %s",
					     o->type == R3_FRAME_STDOUT ? "stdout" : "stderr", strerror(-n));
			out_broken(o);
			return len;
		}
		done += n;
	}
	return done;
}

static void out_end(struct session_out *o)
{
	/* A terminal is not closed, and stderr is ours too. */
	if (o->closed || o->queued || !o->eof || o->io.tty || o->session->sink || o->type == R3_FRAME_STDERR)
		return;
	loop_unwatch(o->session->loop, &o->watch);
	o->closed = true;
	stdfd_close(&o->io);
}

static void out_flush(struct session_out *o)
{
	while (!o->closed && o->queued) {
		uint32_t start = (o->head - o->queued) % SESSION_WINDOW;
		uint32_t len = min_t(uint32_t, o->queued, SESSION_WINDOW - start);
		size_t n = out_write(o, o->buf + start, len);

		if (o->closed)
			break;
		o->queued -= n;
		out_consumed(o, n);
		if (n < len)
			break;
	}
	if (!o->closed)
		o->watch.events = o->queued ? POLLOUT : 0;
	out_end(o);
	check_done(o->session);
}

static void out_ready(void *ctx, short revents)
{
	struct session_out *o = ctx;

	if (revents & POLLERR && !o->closed) {
		out_broken(o);
		check_done(o->session);
		return;
	}
	out_flush(o);
}

static const char *out_data(struct session_out *o, const uint8_t *data, size_t len)
{
	size_t n;

	if (len > o->granted)
		return "the guest sent more than it was granted";
	o->granted -= len;
	if (!len) {
		o->eof = true;
		out_end(o);
		return NULL;
	}
	if (o->closed) {
		out_consumed(o, len);
		return NULL;
	}
	if (!o->queued) {
		n = out_write(o, data, len);
		out_consumed(o, n);
		data += n;
		len -= n;
		if (!len)
			return NULL;
	}
	if (!o->buf)
		o->buf = malloc(SESSION_WINDOW);
	if (!o->buf)
		return "out of memory";
	/* What is granted and what is queued never exceed the window together. */
	while (len) {
		uint32_t head = o->head % SESSION_WINDOW;

		n = min_t(size_t, len, SESSION_WINDOW - head);
		memcpy(o->buf + head, data, n);
		o->head += n;
		o->queued += n;
		data += n;
		len -= n;
	}
	o->watch.events = POLLOUT;
	return NULL;
}

static void out_open(struct session *s, struct session_out *o, int fd, uint16_t type)
{
	*o = (struct session_out){ .session = s, .type = type, .granted = SESSION_WINDOW };
	if (s->sink) {
		o->io = (struct stdfd){ .fd = -1, .given = -1 };
		return;
	}
	stdfd_open(&o->io, fd, true);
	loop_watch(s->loop, &o->watch, o->io.fd, 0, out_ready, o);
	/* A pipe says without being written to that its reader is gone. */
	o->watch.any = o->io.own || o->io.pipe;
}

/* ---- frames ---- */

const char *session_frame(struct session *s, const struct r3_frame *frame, const uint8_t *payload)
{
	struct r3_agent_credit credit;
	const char *wrong = NULL;

	if (s->over)
		return "the guest sent something after a command's end";
	switch (frame->type) {
	case R3_FRAME_STARTED:
		s->started = true;
		break;
	case R3_FRAME_STDOUT:
		wrong = out_data(&s->out, payload, frame->len);
		break;
	case R3_FRAME_STDERR:
		wrong = out_data(&s->err, payload, frame->len);
		break;
	case R3_FRAME_CREDIT:
		memcpy(&credit, payload, sizeof(credit));
		if (credit.stream != R3_FRAME_STDIN || credit.bytes > R3_AGENT_WINDOW_MAX - s->in_credit)
			return "the guest sent a grant that makes no sense";
		s->in_credit += credit.bytes;
		break;
	case R3_FRAME_CLOSE:
		/* The command reads no more: neither do we. */
		if (!s->in_closed) {
			s->in_closed = true;
			loop_unwatch(s->loop, &s->in_watch);
			if (!s->in.tty)
				stdfd_close(&s->in);
		}
		break;
	case R3_FRAME_EXIT:
		s->status = runframe_exit(payload);
		s->over = true;
		break;
	case R3_FRAME_ERROR:
		s->status = runframe_error(payload, frame->len, s->message, sizeof(s->message));
		s->over = true;
		break;
	default:
		wrong = "the guest sent a frame of an unknown type";
	}
	in_update(s);
	check_done(s);
	return wrong;
}

void session_wake(struct session *s)
{
	in_update(s);
}

void session_signal(struct session *s, int sig)
{
	uint32_t word = sig;

	if (!s->over)
		wire_send(s->wire, R3_FRAME_SIGNAL, s->id, &word, sizeof(word));
}

void session_resize(struct session *s)
{
	struct r3_agent_winsize size;

	if (!s->tty || s->over)
		return;
	term_size(s->out.io.fd, s->in.fd, &size);
	wire_send(s->wire, R3_FRAME_WINCH, s->id, &size, sizeof(size));
}

void session_suspend(struct session *s)
{
	bool was_raw = term_is_raw();

	term_restore();
	if (s->loop)
		session_signal(s, SIGSTOP);
	kill(getpid(), SIGSTOP);
	/* Continued. */
	if (was_raw)
		term_raw(0);
	if (s->loop) {
		session_signal(s, SIGCONT);
		session_resize(s);
		session_wake(s);
	}
}

void session_flush(struct session *s, int64_t until)
{
	struct session_out *outs[] = { &s->out, &s->err };
	size_t i;

	s->over = true;
	s->done = true;
	for (i = 0; i < ARRAY_SIZE(outs); i++) {
		while (!outs[i]->closed && outs[i]->queued) {
			out_flush(outs[i]);
			if (!outs[i]->closed && outs[i]->queued && !stdfd_wait(&outs[i]->io, until))
				break;
		}
	}
}

/* ---- begin and end ---- */

static int send_run(struct session *s, const struct session_spec *spec, struct r3_err *err)
{
	struct runframe run = { .flags = spec->with_uid ? R3_RUN_UID : 0, .uid = spec->uid, .gid = spec->gid,
				.cwd = spec->cwd, .argv = spec->argv, .env = spec->env };
	unsigned int words;
	uint8_t *buf;
	size_t len;
	int ret;

	if (s->tty) {
		run.flags |= R3_RUN_PTY | (isatty(2) ? 0 : R3_RUN_STDERR_PIPE);
		term_size(1, 0, &run.size);
	}
	ret = runframe_make(&run, &buf, &len, &words);
	if (ret == -E2BIG)
		return err_set(err, E2BIG, "the command is too long: %zu bytes in %u words, %d bytes in %d words are possible; pass long input by stdin",
			       len, words, R3_AGENT_FRAME_MAX, R3_AGENT_ARGS_MAX);
	if (ret)
		return err_set(err, ENOMEM, "no memory for a command of %zu bytes", len);
	wire_send(s->wire, R3_FRAME_RUN, s->id, buf, len);
	free(buf);
	return 0;
}

int session_open(struct session *s, struct loop *loop, struct wire *wire, uint16_t id,
		 uint32_t window, const struct session_spec *spec, struct r3_err *err)
{
	int ret;

	s->loop = loop;
	s->wire = wire;
	s->id = id;
	s->tty = spec->tty;
	s->sink = spec->sink;
	s->in_credit = window;
	ret = send_run(s, spec, err);
	if (ret)
		return ret;

	out_open(s, &s->out, spec->fd ? spec->fd[1] : 1, R3_FRAME_STDOUT);
	out_open(s, &s->err, spec->fd ? spec->fd[2] : 2, R3_FRAME_STDERR);
	stdfd_open(&s->in, spec->fd ? spec->fd[0] : 0, false);
	loop_watch(loop, &s->in_watch, s->in.fd, 0, in_ready, s);
	loop_timer(loop, &s->in_retry, in_again, s);
	in_update(s);
	if (s->tty && s->in.tty) {
		ret = term_raw(0);
		if (ret < 0)
			return err_set(err, ret, "the terminal cannot be set to raw mode: %s", strerror(-ret));
	}
	return 0;
}

void session_close(struct session *s)
{
	if (!s->loop)
		return;
	if (s->tty)
		term_restore();
	loop_untimer(s->loop, &s->in_retry);
	loop_unwatch(s->loop, &s->in_watch);
	loop_unwatch(s->loop, &s->out.watch);
	loop_unwatch(s->loop, &s->err.watch);
	if (s->in.own)
		close(s->in.fd);
	if (s->out.io.own)
		close(s->out.io.fd);
	if (s->err.io.own)
		close(s->err.io.fd);
	free(s->out.buf);
	free(s->err.buf);
	s->loop = NULL;
}
