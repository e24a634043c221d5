// SPDX-License-Identifier: GPL-2.0-or-later
/* A command from its start to its end, with bounds. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "inside.h"

/* How long one that was killed may take to say so. */
#define KILLED_MS	2000

struct part {
	char **data;
	size_t *len;
	size_t room;
};

/* False: no memory. A 0 always fits. */
static bool add(struct part *p, const void *data, size_t len)
{
	char *more;

	if (*p->len + len + 1 > p->room) {
		size_t need = *p->len + len + 1, room = need > p->room * 2 ? need : p->room * 2;

		more = realloc(*p->data, room);
		if (!more)
			return false;
		*p->data = more;
		p->room = room;
	}
	memcpy(*p->data + *p->len, data, len);
	*p->len += len;
	(*p->data)[*p->len] = 0;
	return true;
}

static void kill_it(struct ring3_command *c)
{
	char drop[4096];
	int64_t until = inside_until(KILLED_MS);
	int stream;

	ring3_command_signal(c, SIGKILL, NULL);
	while (!inside_over(c))
		if (!inside_take(c, &stream, drop, sizeof(drop)) && inside_step(c, until))
			break;
}

/* 0 when it has ended. */
static int move(struct ring3_command *c, const char *input, size_t len, size_t max, int64_t until, struct part *parts, struct r3_err *err)
{
	char data[65536];
	size_t given = 0, n, room;
	int stream, ret;
	ssize_t g = 0;

	while (!inside_over(c)) {
		if (g >= 0)
			g = given < len ? inside_give(c, input + given, len - given) : 0;
		given += g > 0 ? g : 0;
		/* Who does not want it all, or reads none of it: its stdin is at an end for us. */
		if (given == len || g < 0)
			ring3_close_stdin(c, NULL);
		n = inside_take(c, &stream, data, sizeof(data));
		if (n) {
			struct part *p = &parts[stream - 1];

			room = max - *p->len;
			if (!add(p, data, min_t(size_t, n, room)))
				return err_set(err, ENOMEM, "no memory for what the command writes");
			if (n > room)
				return err_set(err, EOVERFLOW, "the command wrote more than %zu bytes to its %s, and was killed", max, stream == 1 ? "stdout" : "stderr");
			/* Who writes without an end is as late as one that does nothing. */
			ret = inside_left(until) ? 0 : -ETIMEDOUT;
		} else {
			ret = g > 0 ? 0 : inside_step(c, until);
		}
		if (ret == -ETIMEDOUT)
			return err_set(err, ETIMEDOUT, "the command did not end in time, and was killed");
	}
	return 0;
}

EXPORT int ring3_run(struct ring3 *machine, const struct ring3_exec *exec, const void *input, size_t len, size_t max, int timeout_ms,
		     struct ring3_result *result, struct ring3_error *error)
{
	int64_t until = inside_until(timeout_ms);
	struct part parts[2] = { { &result->out, &result->out_len }, { &result->err, &result->err_len } };
	struct ring3_command *c;
	struct r3_err err;
	int ret;

	*result = (struct ring3_result){ 0 };
	if (inside_exec(machine, exec, until, &c, &err))
		return inside_error(error, &err);
	if (!add(&parts[0], "", 0) || !add(&parts[1], "", 0))
		ret = err_set(&err, ENOMEM, "no memory for what the command writes");
	else
		ret = move(c, input, len, min_t(size_t, max, SIZE_MAX / 4), until, parts, &err);
	if (ret) {
		kill_it(c);
		ring3_command_wait(c, 0, &result->status, NULL);
		ret = inside_error(error, &err);
	} else {
		ret = ring3_command_wait(c, 0, &result->status, error);
	}
	ring3_command_close(c);
	return ret;
}

EXPORT void ring3_result_free(struct ring3_result *result)
{
	free(result->out);
	free(result->err);
	*result = (struct ring3_result){ 0 };
}
