// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands in the guest: what is done with one that was asked for. */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "flow.h"

size_t inside_take(struct ring3_command *c, int *stream, void *data, size_t size)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = command_take(c, stream, data, size);
	pthread_mutex_unlock(&c->lock);
	return n;
}

ssize_t inside_give(struct ring3_command *c, const void *data, size_t len)
{
	ssize_t n;

	pthread_mutex_lock(&c->lock);
	n = command_give(c, data, len);
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

int inside_step(struct ring3_command *c, int64_t until)
{
	int ret;

	pthread_mutex_lock(&c->lock);
	ret = command_step(c, until);
	pthread_mutex_unlock(&c->lock);
	return ret;
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
	while (!(n = command_take(c, stream, data, size)) && !c->over && !c->lost && !ret)
		ret = command_step(c, until);
	/* What came with the end. */
	if (!n)
		n = command_take(c, stream, data, size);
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
		n = command_give(c, (const char *)data + done, len - done);
		if (n > 0)
			done += n;
		else if (!n)
			ret = command_step(c, until);
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
		command_put(command, R3_FRAME_STDIN, NULL, 0);
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
		command_put(command, R3_FRAME_SIGNAL, &word, sizeof(word));
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
		ret = command_step(c, until);
	if (c->over || c->lost)
		ret = ended(c, &err);
	else
		err_set(&err, ETIMEDOUT, "the command runs on");
	if (c->over)
		*status = c->status;
	pthread_mutex_unlock(&c->lock);
	return ret ? inside_error(error, &err) : 0;
}
