// SPDX-License-Identifier: GPL-2.0-or-later
/* Machines: found, asked, ended. Each request has a connection of its own, so threads share nothing. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "inside.h"
#include "loop.h"
#include "state.h"
#include "stopping.h"
#include "text.h"
#include "waiting.h"

#define ANSWER_MS	5000
#define FORCED_MS	0
/* Longer than the machine itself takes for an answer: cli/hotplug.c. */
#define PLUG_MS		60000
#define REQUEST_MAX	4000

EXPORT const char *ring3_version(void)
{
	return R3_VERSION;
}

EXPORT void ring3_free(void *p)
{
	free(p);
}

int inside_error(struct ring3_error *error, struct r3_err *err)
{
	if (err->code == -EAGAIN)
		err->code = -ETIMEDOUT;
	if (error) {
		error->code = err->code;
		snprintf(error->text, sizeof(error->text), "%s", err->msg);
		/* Much of it is the machine's own words. */
		text_line(error->text);
		if (!error->text[0])
			snprintf(error->text, sizeof(error->text), "it failed, and the guest does not say why");
	}
	return err->code;
}

int64_t inside_until(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : loop_now() + timeout_ms;
}

int inside_left(int64_t until)
{
	int64_t left = until < 0 ? -1 : until - loop_now();

	return until < 0 ? -1 : left < 0 ? 0 : min_t(int64_t, left, INT_MAX);
}

/* ---- which one ---- */

static pid_t peer_of(int fd)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ? 0 : peer.pid;
}

int inside_connect(const struct ring3 *m, struct r3_err *err)
{
	int fd = state_open(m->name, err);

	if (fd < 0 || peer_of(fd) == m->pid)
		return fd;
	close(fd);
	return err_set(err, ESTALE, "the guest %s has ended, and another one has its name now", m->name);
}

EXPORT int ring3_open(const char *name, struct ring3 **machine, struct ring3_error *error)
{
	struct ring3 *m = calloc(1, sizeof(*m));
	struct r3_err err;
	int fd = m ? state_open(name, &err) : err_set(&err, ENOMEM, "no memory for a handle");

	if (fd < 0) {
		free(m);
		return inside_error(error, &err);
	}
	/* Whoever has a name that long is not reached by it. */
	snprintf(m->name, sizeof(m->name), "%s", name);
	m->pid = peer_of(fd);
	close(fd);
	*machine = m;
	return 0;
}

EXPORT void ring3_close(struct ring3 *machine)
{
	free(machine);
}

EXPORT const char *ring3_name(const struct ring3 *machine)
{
	return machine->name;
}

EXPORT int ring3_list(char ***names, struct ring3_error *error)
{
	char **found = NULL, **list = NULL;
	struct r3_err err;
	int dir = state_dir(false, &err), n = dir, i;

	if (dir >= 0) {
		n = state_list(dir, &found, &err);
		close(dir);
	} else if (dir == -ENOENT) {
		n = 0;
	}
	if (n >= 0)
		list = realloc(found, (n + 1) * sizeof(*list));
	if (n >= 0 && !list) {
		for (i = 0; i < n; i++)
			free(found[i]);
		free(found);
		n = err_set(&err, ENOMEM, "no memory for a list of guests");
	}
	if (n < 0)
		return inside_error(error, &err);
	list[n] = NULL;
	*names = list;
	return n;
}

EXPORT void ring3_list_free(char **names)
{
	size_t i;

	for (i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

/* ---- requests ---- */

int inside_ask(const struct ring3 *m, struct json_object *req, int timeout_ms, struct json_object **reply, struct r3_err *err)
{
	struct json_object *o;
	int fd = inside_connect(m, err), ret = fd;

	if (fd >= 0) {
		ret = state_request_within(fd, req, timeout_ms ? timeout_ms : 1, &o, err);
		close(fd);
	}
	json_object_put(req);
	if (ret < 0)
		return ret;
	if (reply)
		*reply = o;
	else
		json_object_put(o);
	return 0;
}

static struct json_object *request(const char *op)
{
	struct json_object *req = json_object_new_object();

	json_object_object_add(req, "op", json_object_new_string(op));
	return req;
}

static int tell(struct ring3 *m, const char *op, struct ring3_error *error)
{
	struct r3_err err;

	return inside_ask(m, request(op), ANSWER_MS, NULL, &err) ? inside_error(error, &err) : 0;
}

/* The answer's @key as text; without key: all of it. */
static int ask_text(struct ring3 *m, struct json_object *req, const char *key, int timeout_ms, char **text, struct ring3_error *error)
{
	struct json_object *reply, *part;
	struct r3_err err;
	char *json = NULL;
	int ret = inside_ask(m, req, timeout_ms, &reply, &err);

	if (ret)
		return inside_error(error, &err);
	part = reply;
	if (key && !json_object_object_get_ex(reply, key, &part))
		ret = err_set(&err, EPROTO, "the guest's answer makes no sense: it has no \"%s\"", key);
	if (!ret && text) {
		json = text_json(part);
		if (!json)
			ret = err_set(&err, ENOMEM, "no memory for an answer");
	}
	json_object_put(reply);
	if (ret)
		return inside_error(error, &err);
	if (text)
		*text = json;
	return 0;
}

EXPORT int ring3_request(struct ring3 *machine, const char *json, int timeout_ms, char **answer, struct ring3_error *error)
{
	static const char *const others[] = { "exec", "console", "events", "wait" };
	struct json_object *req = strlen(json) <= REQUEST_MAX ? json_tokener_parse(json) : NULL, *op;
	struct r3_err err = { 0 };
	size_t i;

	if (!json_object_is_type(req, json_type_object))
		err_set(&err, EINVAL, "a request is a JSON object of at most %d bytes", REQUEST_MAX);
	for (i = 0; !err.code && i < ARRAY_SIZE(others); i++)
		if (json_object_object_get_ex(req, "op", &op) && json_object_is_type(op, json_type_string) && !strcmp(json_object_get_string(op), others[i]))
			err_set(&err, EINVAL, "\"%s\" has more than one answer, and a function of its own", others[i]);
	if (err.code) {
		json_object_put(req);
		return inside_error(error, &err);
	}
	return ask_text(machine, req, NULL, timeout_ms, answer, error);
}

EXPORT int ring3_info(struct ring3 *machine, char **json, struct ring3_error *error)
{
	return ask_text(machine, request("info"), "guest", ANSWER_MS, json, error);
}

EXPORT int ring3_stats(struct ring3 *machine, char **json, struct ring3_error *error)
{
	return ask_text(machine, request("stats"), "stats", ANSWER_MS, json, error);
}

EXPORT int ring3_pause(struct ring3 *machine, struct ring3_error *error)
{
	return tell(machine, "pause", error);
}

EXPORT int ring3_resume(struct ring3 *machine, struct ring3_error *error)
{
	return tell(machine, "resume", error);
}

EXPORT int ring3_signal(struct ring3 *machine, int signal, struct ring3_error *error)
{
	struct json_object *req = request("kill");
	struct r3_err err;

	json_object_object_add(req, "signal", json_object_new_int(signal));
	return inside_ask(machine, req, ANSWER_MS, NULL, &err) ? inside_error(error, &err) : 0;
}

/* ---- ends ---- */

static int end(struct ring3 *m, int timeout_ms, bool force, struct ring3_error *error)
{
	struct r3_err err;
	int fd = inside_connect(m, &err), ret = fd;

	if (fd >= 0) {
		ret = stopping_one(m->name, timeout_ms < 0 ? INT64_MAX / 2 : timeout_ms, force, &err);
		close(fd);
	}
	return ret < 0 ? inside_error(error, &err) : 0;
}

EXPORT int ring3_stop(struct ring3 *machine, int timeout_ms, struct ring3_error *error)
{
	return end(machine, timeout_ms, false, error);
}

EXPORT int ring3_kill(struct ring3 *machine, struct ring3_error *error)
{
	return end(machine, FORCED_MS, true, error);
}

EXPORT int ring3_wait(struct ring3 *machine, int timeout_ms, int *status, struct ring3_error *error)
{
	struct r3_err err;
	bool killed;
	int fd = inside_connect(machine, &err), ret;

	if (fd == -ESTALE)
		return inside_error(error, &err);
	if (fd >= 0)
		close(fd);
	ret = waiting_for(machine->name, timeout_ms ? timeout_ms : 1, &killed, &err);
	if (ret < 0)
		return inside_error(error, &err);
	*status = ret;
	return 0;
}

/* ---- devices ---- */

static int plug_ms(struct json_object *req, int timeout_ms)
{
	if (timeout_ms < 0)
		return 3600000 + PLUG_MS;
	json_object_object_add(req, "timeout_ms", json_object_new_int(timeout_ms ? timeout_ms : 1));
	return min_t(int64_t, (int64_t)timeout_ms + PLUG_MS, INT_MAX);
}

static void word_of(struct json_object *o, const char *key, char *word)
{
	struct json_object *v;

	if (!word)
		return;
	word[0] = 0;
	if (json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string))
		snprintf(word, RING3_NAME_SIZE, "%s", json_object_get_string(v));
	text_line(word);
}

EXPORT int ring3_attach(struct ring3 *machine, const char *kind, const char *text, int timeout_ms, char device[RING3_NAME_SIZE],
			char guest[RING3_NAME_SIZE], struct ring3_error *error)
{
	struct json_object *req, *reply, *o = NULL;
	struct r3_err err;

	if (strcmp(kind, "disk") && strcmp(kind, "net")) {
		err_set(&err, EINVAL, "a device is a \"disk\" or a \"net\"");
		return inside_error(error, &err);
	}
	req = request("attach");
	json_object_object_add(req, kind, json_object_new_string(text));
	if (inside_ask(machine, req, plug_ms(req, timeout_ms), &reply, &err))
		return inside_error(error, &err);
	json_object_object_get_ex(reply, "device", &o);
	if (!json_object_is_type(o, json_type_object)) {
		json_object_put(reply);
		err_set(&err, EPROTO, "the guest's answer makes no sense: it has no \"device\"");
		return inside_error(error, &err);
	}
	word_of(o, "name", device);
	word_of(o, "guest", guest);
	json_object_put(reply);
	return 0;
}

EXPORT int ring3_detach(struct ring3 *machine, const char *device, unsigned int flags, int timeout_ms, struct ring3_error *error)
{
	struct json_object *req = request("detach");
	struct r3_err err;

	json_object_object_add(req, "device", json_object_new_string(device));
	json_object_object_add(req, "force", json_object_new_boolean(flags & RING3_FORCE));
	return inside_ask(machine, req, plug_ms(req, timeout_ms), NULL, &err) ? inside_error(error, &err) : 0;
}
