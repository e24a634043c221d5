// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands in the guest.
 *
 * Theory of operation: whoever waits, reader, writer or both in threads of their own, moves
 * the connection. One of them at a time sleeps in poll() without the lock, the others on the
 * condition, which is told after each move. Who queues a frame sends what the socket takes;
 * if something stays, the one in poll() is woken to wait for room, too.
 *
 * The other side may lie. Frames are checked by wire/frames.c; here a stream gets no more than
 * was granted, and its room is there before the grant. So memory is bounded by two windows, two frames and one command.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "carry.h"
#include "frames.h"
#include "inside.h"
#include "loop.h"
#include "runframe.h"
#include "session.h"
#include "state.h"

#define IN_SIZE		(2 * (R3_AGENT_DATA_MAX + sizeof(struct r3_frame)))
#define OUT_LIMIT	(4 * 1024 * 1024)
#define MAX_ENV		256

struct stream {
	uint8_t *buf;			/* SESSION_WINDOW bytes, when there is something */
	uint32_t head, queued;
	uint32_t granted;		/* what the guest may still send */
	uint32_t owed;
};

struct ring3_command {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool moving;			/* somebody is in poll() */
	int fd, wake;
	struct frames frames;
	uint16_t id;
	uint32_t credit;		/* what may still be sent to stdin */
	bool in_closed, in_refused;
	struct stream stream[2];
	bool over;			/* it has said how it ended */
	bool never;			/* it was never started */
	int status;
	char why[520];
	const char *lost;		/* why nothing comes any more */
};

/* ---- frames ---- */

static void flush(struct ring3_command *c)
{
	const uint8_t *data;
	size_t len;
	ssize_t n;

	while (!c->lost) {
		data = frames_queue(&c->frames, &len);
		if (!len)
			return;
		n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		/* What it sent before it went can be read still. */
		frames_written(&c->frames, n < 0 ? len : (size_t)n);
	}
	if (c->moving)
		event_post(c->wake);
}

static void put(struct ring3_command *c, uint16_t type, const void *payload, size_t len)
{
	if (c->lost || c->over)
		return;
	if (!frames_put(&c->frames, type, c->id, payload, len))
		c->lost = c->frames.broken;
	flush(c);
}

static const char *take_data(struct stream *s, const uint8_t *data, size_t len)
{
	if (len > s->granted)
		return "the guest sent more than it was granted";
	if (len && !s->buf)
		s->buf = malloc(SESSION_WINDOW);
	if (len && !s->buf)
		return "out of memory";
	s->granted -= len;
	/* What is granted, queued and owed never exceed the window together. */
	while (len) {
		uint32_t head = s->head % SESSION_WINDOW;
		size_t n = min_t(size_t, len, SESSION_WINDOW - head);

		memcpy(s->buf + head, data, n);
		s->head += n;
		s->queued += n;
		data += n;
		len -= n;
	}
	return NULL;
}

static const char *take_frame(struct ring3_command *c, const struct r3_frame *frame, const uint8_t *payload)
{
	struct r3_agent_credit credit;

	if (frame->session != c->id)
		return "the guest sent a frame of another command";
	if (c->over)
		return "the guest sent something after a command's end";
	switch (frame->type) {
	case R3_FRAME_STARTED:
		return NULL;
	case R3_FRAME_STDOUT:
	case R3_FRAME_STDERR:
		return take_data(&c->stream[frame->type == R3_FRAME_STDERR], payload, frame->len);
	case R3_FRAME_CREDIT:
		memcpy(&credit, payload, sizeof(credit));
		if (credit.stream != R3_FRAME_STDIN || credit.bytes > R3_AGENT_WINDOW_MAX - c->credit)
			return "the guest sent a grant that makes no sense";
		c->credit += credit.bytes;
		return NULL;
	case R3_FRAME_CLOSE:
		c->in_refused = true;
		return NULL;
	case R3_FRAME_EXIT:
		c->status = runframe_exit(payload);
		c->over = true;
		return NULL;
	case R3_FRAME_ERROR:
		c->status = runframe_error(payload, frame->len, c->why, sizeof(c->why));
		c->over = c->never = true;
		return NULL;
	}
	return "the guest sent a frame of an unknown type";
}

/* All that is there, as far as one turn of the buffer goes. */
static void fill(struct ring3_command *c)
{
	const uint8_t *payload;
	struct r3_frame frame;
	uint8_t *room;
	size_t len;
	ssize_t n;

	room = frames_room(&c->frames, &len);
	n = len ? recv(c->fd, room, len, MSG_DONTWAIT) : 0;
	if (n > 0)
		frames_filled(&c->frames, n);
	while (!c->lost && frames_next(&c->frames, &frame, &payload))
		c->lost = take_frame(c, &frame, payload);
	if (c->frames.broken)
		c->lost = c->frames.broken;
	if (!c->lost && !c->over && (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)))
		c->lost = "the guest ended before the command did";
}

/* ---- waiting ---- */

static void times_of(int64_t until, struct timespec *ts)
{
	*ts = (struct timespec){ until / 1000, until % 1000 * 1000000 };
}

/* With the lock, which is not held meanwhile. */
static int step(struct ring3_command *c, int64_t until)
{
	struct pollfd pfd[2] = { { c->fd, POLLIN }, { c->wake, POLLIN } };
	struct timespec ts;
	int left = inside_left(until), n;

	if (c->lost || c->over)
		return 0;
	if (!left)
		return -ETIMEDOUT;
	if (c->moving) {
		if (until < 0)
			return -pthread_cond_wait(&c->moved, &c->lock);
		times_of(until, &ts);
		return -pthread_cond_timedwait(&c->moved, &c->lock, &ts);
	}
	if (frames_queued(&c->frames))
		pfd[0].events |= POLLOUT;
	c->moving = true;
	pthread_mutex_unlock(&c->lock);
	n = poll(pfd, 2, left);
	pthread_mutex_lock(&c->lock);
	if (n > 0 && pfd[1].revents)
		event_take(c->wake);
	if (n > 0 && pfd[0].revents & (POLLIN | POLLHUP | POLLERR))
		fill(c);
	c->moving = false;
	flush(c);
	pthread_cond_broadcast(&c->moved);
	return n ? 0 : -ETIMEDOUT;
}

int inside_step(struct ring3_command *c, int64_t until)
{
	int ret;

	pthread_mutex_lock(&c->lock);
	ret = step(c, until);
	pthread_mutex_unlock(&c->lock);
	return ret;
}

/* ---- reading and writing ---- */

static void consumed(struct ring3_command *c, unsigned int nr, uint32_t n)
{
	struct r3_agent_credit credit = { .stream = nr ? R3_FRAME_STDERR : R3_FRAME_STDOUT };
	struct stream *s = &c->stream[nr];

	s->owed += n;
	if (s->owed < SESSION_WINDOW / 4)
		return;
	credit.bytes = s->owed;
	s->granted += s->owed;
	s->owed = 0;
	put(c, R3_FRAME_CREDIT, &credit, sizeof(credit));
}

static size_t take(struct ring3_command *c, int *stream, void *data, size_t size)
{
	unsigned int nr = c->stream[0].queued ? 0 : 1;
	struct stream *s = &c->stream[nr];
	uint32_t start = (s->head - s->queued) % SESSION_WINDOW;
	uint32_t n = min_t(uint64_t, size, min_t(uint32_t, s->queued, SESSION_WINDOW - start));

	if (!n)
		return 0;
	memcpy(data, s->buf + start, n);
	s->queued -= n;
	consumed(c, nr, n);
	*stream = 1 + nr;
	return n;
}

static ssize_t give(struct ring3_command *c, const void *data, size_t len)
{
	size_t n = min_t(size_t, min_t(size_t, len, c->credit), R3_AGENT_DATA_MAX);

	if (c->in_closed || c->in_refused || c->over || c->lost)
		return -EPIPE;
	if (!n || frames_queued(&c->frames) >= FRAMES_LOW)
		return 0;
	put(c, R3_FRAME_STDIN, data, n);
	c->credit -= n;
	return n;
}

size_t inside_take(struct ring3_command *c, int *stream, void *data, size_t size)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = take(c, stream, data, size);
	pthread_mutex_unlock(&c->lock);
	return n;
}

ssize_t inside_give(struct ring3_command *c, const void *data, size_t len)
{
	ssize_t n;

	pthread_mutex_lock(&c->lock);
	n = give(c, data, len);
	pthread_mutex_unlock(&c->lock);
	return n;
}

bool inside_over(struct ring3_command *c)
{
	bool over;

	pthread_mutex_lock(&c->lock);
	over = (c->over || c->lost) && !c->stream[0].queued && !c->stream[1].queued;
	pthread_mutex_unlock(&c->lock);
	return over;
}

/* 0: how it ended is known. */
static int ended(struct ring3_command *c, struct r3_err *err)
{
	if (c->never)
		return err_set(err, ENOEXEC, "%s", c->why);
	if (c->over)
		return 0;
	return err_set(err, c->frames.broken || strcmp(c->lost, "the guest ended before the command did") ? EPROTO : ECONNRESET, "%s", c->lost);
}

EXPORT ssize_t ring3_read(struct ring3_command *command, int *stream, void *data, size_t size, int timeout_ms, struct ring3_error *error)
{
	int64_t until = inside_until(timeout_ms);
	struct ring3_command *c = command;
	struct r3_err err;
	ssize_t n;
	int ret = 0;

	if (!size) {
		err_set(&err, EINVAL, "there is no room to read to");
		return inside_error(error, &err);
	}
	pthread_mutex_lock(&c->lock);
	while (!(n = take(c, stream, data, size)) && !c->over && !c->lost && !ret)
		ret = step(c, until);
	/* What came with the end. */
	if (!n)
		n = take(c, stream, data, size);
	if (!n && (c->over || c->lost))
		n = ended(c, &err);
	else if (!n)
		n = err_set(&err, ETIMEDOUT, "the command has written nothing in time");
	pthread_mutex_unlock(&c->lock);
	return n < 0 ? inside_error(error, &err) : n;
}

EXPORT ssize_t ring3_write(struct ring3_command *command, const void *data, size_t len, int timeout_ms, struct ring3_error *error)
{
	int64_t until = inside_until(timeout_ms);
	struct ring3_command *c = command;
	struct r3_err err;
	size_t done = 0;
	ssize_t n = 0;
	int ret = 0;

	pthread_mutex_lock(&c->lock);
	while (done < len && n >= 0 && !ret) {
		n = give(c, (const char *)data + done, len - done);
		if (n > 0)
			done += n;
		else if (!n)
			ret = step(c, until);
	}
	pthread_mutex_unlock(&c->lock);
	if (done || !len)
		return done;
	if (n < 0)
		err_set(&err, EPIPE, "the command reads no more");
	else
		err_set(&err, ETIMEDOUT, "the command has read nothing in time");
	return inside_error(error, &err);
}

EXPORT int ring3_close_stdin(struct ring3_command *command, struct ring3_error *error)
{
	pthread_mutex_lock(&command->lock);
	if (!command->in_closed)
		put(command, R3_FRAME_STDIN, NULL, 0);
	command->in_closed = true;
	pthread_mutex_unlock(&command->lock);
	return 0;
}

EXPORT int ring3_command_signal(struct ring3_command *command, int signal, struct ring3_error *error)
{
	struct r3_err err = { 0 };
	uint32_t word = signal;

	pthread_mutex_lock(&command->lock);
	if (signal < 1 || signal > 64)
		err_set(&err, EINVAL, "signals are 1 to 64");
	else if (command->over || command->lost)
		err_set(&err, ESRCH, "the command has ended");
	else
		put(command, R3_FRAME_SIGNAL, &word, sizeof(word));
	pthread_mutex_unlock(&command->lock);
	return err.code ? inside_error(error, &err) : 0;
}

EXPORT int ring3_command_wait(struct ring3_command *command, int timeout_ms, int *status, struct ring3_error *error)
{
	int64_t until = inside_until(timeout_ms);
	struct ring3_command *c = command;
	struct r3_err err;
	int ret = 0;

	pthread_mutex_lock(&c->lock);
	while (!c->over && !c->lost && !ret)
		ret = step(c, until);
	if (c->over || c->lost)
		ret = ended(c, &err);
	else
		err_set(&err, ETIMEDOUT, "the command runs on");
	if (c->over)
		*status = c->status;
	pthread_mutex_unlock(&c->lock);
	return ret ? inside_error(error, &err) : 0;
}

/* ---- begin and end ---- */

/* What every command of the guest has, before what was asked for. */
static int make_env(const struct ring3_exec *exec, struct json_object *reply, char **env, struct r3_err *err)
{
	char *carried[CARRY_MAX_ENV + 1] = { NULL };
	struct json_object *list;
	size_t i;
	int n = 0;

	for (i = 0; exec->env && exec->env[i]; i++) {
		if (i == MAX_ENV)
			return err_set(err, E2BIG, "a command has at most %d variables", MAX_ENV);
		env[n++] = (char *)exec->env[i];
	}
	env[n] = NULL;
	if (json_object_object_get_ex(reply, "env", &list) && json_object_is_type(list, json_type_array))
		for (i = 0; i < min_t(size_t, json_object_array_length(list), CARRY_MAX_ENV); i++)
			carried[i] = (char *)(json_object_get_string(json_object_array_get_idx(list, i)) ?: "");
	carry_add(env, &n, carried);
	env[n] = NULL;
	return 0;
}

static int send_run(struct ring3_command *c, const struct ring3_exec *exec, struct json_object *reply, struct r3_err *err)
{
	struct runframe run = { .flags = exec->flags & RING3_EXEC_USER ? R3_RUN_UID : 0, .uid = exec->uid, .gid = exec->gid,
				.cwd = exec->cwd, .argv = (char *const *)exec->argv };
	char *env[MAX_ENV + CARRY_MAX_ENV + 1];
	unsigned int words;
	uint8_t *payload;
	size_t len;
	int ret = make_env(exec, reply, env, err);

	if (ret)
		return ret;
	run.env = env;
	ret = runframe_make(&run, &payload, &len, &words);
	if (ret)
		return err_set(err, ret, ret == -E2BIG ? "the command is too long: %zu bytes in %u words; pass long input by stdin" :
			       "no memory for a command of %zu bytes in %u words", len, words);
	put(c, R3_FRAME_RUN, payload, len);
	free(payload);
	return 0;
}

static int number(struct json_object *o, const char *key, int64_t low, int64_t high, uint32_t *to)
{
	struct json_object *v;
	int64_t n;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_int))
		return -EPROTO;
	n = json_object_get_int64(v);
	if (n < low || n > high)
		return -EPROTO;
	*to = n;
	return 0;
}

static int begin(struct ring3_command *c, struct ring3 *m, const struct ring3_exec *exec, struct r3_err *err)
{
	struct json_object *req = json_object_new_object(), *reply = NULL;
	uint32_t id;
	int ret;

	json_object_object_add(req, "op", json_object_new_string("exec"));
	ret = c->fd = inside_connect(m, err);
	if (ret >= 0)
		ret = state_request(c->fd, req, &reply, err);
	json_object_put(req);
	if (ret)
		return ret;
	if (number(reply, "session", 1, R3_AGENT_SESSIONS, &id) ||
	    number(reply, "window", R3_AGENT_WINDOW_MIN, R3_AGENT_WINDOW_MAX, &c->credit)) {
		json_object_put(reply);
		return err_set(err, EPROTO, "the guest's answer makes no sense");
	}
	c->id = id;
	c->wake = event_create();
	if (c->wake < 0)
		ret = err_set(err, c->wake, "no descriptor for a command: %s", strerror(-c->wake));
	else if (frames_init(&c->frames, false, IN_SIZE, OUT_LIMIT))
		ret = err_set(err, ENOMEM, "no memory for a command");
	else
		ret = send_run(c, exec, reply, err);
	json_object_put(reply);
	return ret;
}

EXPORT int ring3_exec(struct ring3 *machine, const struct ring3_exec *exec, struct ring3_command **command, struct ring3_error *error)
{
	struct ring3_command *c = calloc(1, sizeof(*c));
	struct ring3_exec known = { 0 };
	pthread_condattr_t attr;
	struct r3_err err;

	if (!c) {
		err_set(&err, ENOMEM, "no memory for a command");
		return inside_error(error, &err);
	}
	memcpy(&known, exec, min_t(size_t, exec->size, sizeof(known)));
	c->fd = c->wake = -1;
	c->stream[0].granted = c->stream[1].granted = SESSION_WINDOW;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->moved, &attr);
	pthread_condattr_destroy(&attr);
	if (begin(c, machine, &known, &err)) {
		ring3_command_close(c);
		return inside_error(error, &err);
	}
	*command = c;
	return 0;
}

EXPORT void ring3_command_close(struct ring3_command *command)
{
	struct ring3_command *c = command;

	if (!c)
		return;
	if (c->fd >= 0)
		close(c->fd);
	if (c->wake >= 0)
		close(c->wake);
	frames_free(&c->frames);
	free(c->stream[0].buf);
	free(c->stream[1].buf);
	pthread_cond_destroy(&c->moved);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
