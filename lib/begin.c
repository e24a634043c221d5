// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands in the guest: their begin and end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "carry.h"
#include "flow.h"
#include "runframe.h"
#include "state.h"

#define IN_SIZE		(2 * (R3_AGENT_DATA_MAX + sizeof(struct r3_frame)))
#define OUT_LIMIT	(4 * 1024 * 1024)
#define MAX_ENV		256
#define ANSWER_MS	5000

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
	command_put(c, R3_FRAME_RUN, payload, len);
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

static int begin(struct ring3_command *c, const struct ring3 *m, const struct ring3_exec *exec, int ms, struct r3_err *err)
{
	struct json_object *req = json_object_new_object(), *reply = NULL;
	uint32_t id;
	int ret;

	json_object_object_add(req, "op", json_object_new_string("exec"));
	ret = c->fd = inside_connect(m, err);
	if (ret >= 0)
		ret = state_request_within(c->fd, req, ms, &reply, err);
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

int inside_exec(struct ring3 *m, const struct ring3_exec *exec, int64_t until, struct ring3_command **command, struct r3_err *err)
{
	struct ring3_command *c = calloc(1, sizeof(*c));
	struct ring3_exec known = { 0 };
	int left = inside_left(until), ret;
	pthread_condattr_t attr;

	if (!c)
		return err_set(err, ENOMEM, "no memory for a command");
	memcpy(&known, exec, min_t(size_t, exec->size, sizeof(known)));
	c->fd = c->wake = -1;
	c->stream[0].granted = c->stream[1].granted = SESSION_WINDOW;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->moved, &attr);
	pthread_condattr_destroy(&attr);
	ret = begin(c, m, &known, left < 0 || left > ANSWER_MS ? ANSWER_MS : left ? left : 1, err);
	if (ret)
		ring3_command_close(c);
	else
		*command = c;
	return ret;
}

EXPORT int ring3_exec(struct ring3 *machine, const struct ring3_exec *exec, struct ring3_command **command, struct ring3_error *error)
{
	struct r3_err err;

	return inside_exec(machine, exec, -1, command, &err) ? inside_error(error, &err) : 0;
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
