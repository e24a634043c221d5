// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connections of pages. Each gets a message a second with all there is, and an answer to each of
 * its requests: {"id": N, "op": "stop", "machine": NAME} is answered by {"id": N, "ok": true} or
 * {"id": N, "error": "sentence"}, maybe much later. A page that does not take its messages misses
 * them, and is hung up on when that goes on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/util.h"
#include "captures.h"
#include "config.h"
#include "job.h"
#include "server.h"
#include "snapshot.h"
#include "text.h"

#define MAX_ANSWERS	64
#define MAX_MISSED	20		/* messages, so seconds */
#define REQUEST_MAX	4096

struct live {
	struct live *next;
	struct lws *wsi;
	unsigned int serial;
	struct snapshot *message;	/* to be sent */
	int missed;
	char *answers[MAX_ANSWERS];
	size_t nr_answers;
	char request[REQUEST_MAX];
	size_t len;
	bool over;
};

const size_t live_session_size = sizeof(struct live);

static struct live *all;
static int nr_live;
static unsigned int last_serial;
static lws_sorted_usec_list_t sul;

/* ---- to the page ---- */

static void hang_up(struct live *l)
{
	l->over = true;
	lws_set_timeout(l->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
}

/* All there is, with what only the server knows. */
static struct snapshot *message_of(struct snapshot *s)
{
	struct json_object *o = json_object_new_object();
	static const char between[] = ",\"state\":";
	struct snapshot *m = NULL;
	char *own;
	size_t len;

	json_object_object_add(o, "captures", captures_json());
	json_object_object_add(o, "pause", json_object_new_boolean(server.can_pause));
	own = text_json(o);
	json_object_put(o);
	len = own ? strlen(own) : 0;
	if (len)
		m = malloc(sizeof(*m) + LWS_PRE + len + sizeof(between) + s->len + 2);
	if (m) {
		char *p = m->text + LWS_PRE;

		/* {"captures": ..., "state": {...}} */
		memcpy(p, own, len - 1);
		p += len - 1;
		memcpy(p, between, sizeof(between) - 1);
		p += sizeof(between) - 1;
		memcpy(p, s->text, s->len);
		p += s->len;
		*p++ = '}';
		m->users = 1;
		m->len = p - (m->text + LWS_PRE);
	}
	free(own);
	return m;
}

static void snapshot_came(struct snapshot *s)
{
	struct snapshot *m = all ? message_of(s) : NULL;
	struct live *l;

	for (l = m ? all : NULL; l; l = l->next) {
		if (l->over)
			continue;
		if (l->message && ++l->missed > MAX_MISSED) {
			hang_up(l);
			continue;
		}
		snapshot_put(l->message);
		l->message = snapshot_get(m);
		lws_callback_on_writable(l->wsi);
	}
	snapshot_put(m);
}

static void answer(unsigned int serial, struct json_object *o)
{
	struct live *l = all;
	char *text;

	while (l && l->serial != serial)
		l = l->next;
	text = l && !l->over ? text_json(o) : NULL;
	json_object_put(o);
	if (!text)
		return;
	if (l->nr_answers == MAX_ANSWERS) {
		free(text);
		hang_up(l);
		return;
	}
	l->answers[l->nr_answers++] = text;
	lws_callback_on_writable(l->wsi);
}

static void answer_id(unsigned int serial, int64_t id, const char *error)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "id", json_object_new_int64(id));
	if (error)
		json_object_object_add(o, "error", json_object_new_string(error));
	else
		json_object_object_add(o, "ok", json_object_new_boolean(true));
	answer(serial, o);
}

static int send_one(struct live *l)
{
	int ret = 0;

	if (l->nr_answers) {
		size_t len = strlen(l->answers[0]);
		unsigned char *buf = malloc(LWS_PRE + len);

		if (!buf)
			return -1;
		memcpy(buf + LWS_PRE, l->answers[0], len);
		ret = lws_write(l->wsi, buf + LWS_PRE, len, LWS_WRITE_TEXT);
		free(buf);
		free(l->answers[0]);
		memmove(l->answers, l->answers + 1, --l->nr_answers * sizeof(l->answers[0]));
	} else if (l->message) {
		/* What libwebsockets puts before it is written once more for the next one. */
		ret = lws_write(l->wsi, (unsigned char *)l->message->text + LWS_PRE, l->message->len, LWS_WRITE_TEXT);
		snapshot_put(l->message);
		l->message = NULL;
		l->missed = 0;
	}
	if (l->nr_answers || l->message)
		lws_callback_on_writable(l->wsi);
	return ret < 0 ? -1 : 0;
}

/* ---- from the page ---- */

struct action {
	unsigned int serial;
	int64_t id;
};

static void action_done(void *ctx, int status, const char *text)
{
	struct action *a = ctx;
	char why[1200];

	snprintf(why, sizeof(why), "%s", text);
	if (status && !text[0])
		snprintf(why, sizeof(why), "it failed with status %d", status);
	answer_id(a->serial, a->id, status ? why : NULL);
	snapshot_want(snapshot_came);
	free(a);
}

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : NULL;
}

static int64_t number_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : -1;
}

static int start_job(struct live *l, int64_t id, const char *const *words, const char *name, struct r3_err *err)
{
	struct action *a = calloc(1, sizeof(*a));
	char *argv[6] = { "ring3" };
	int n = 1;

	if (!a)
		return err_set(err, ENOMEM, "no memory for a command");
	for (; *words; words++)
		argv[n++] = (char *)*words;
	argv[n++] = (char *)name;
	*a = (struct action){ .serial = l->serial, .id = id };
	if (job_start(argv, action_done, a, err))
		return 1;
	free(a);
	return err->code;
}

/* Each a subcommand with the name of a machine. */
static const struct {
	const char *op;
	const char *words[3];
} actions[] = {
	{ "start", { "start" } },
	{ "stop", { "stop" } },
	{ "end", { "stop", "--force" } },
	{ "restart", { "restart" } },
	{ "pause", { "pause" } },
	{ "resume", { "resume" } },
};

/* 0: done, 1: it is answered later. */
static int begin(struct live *l, int64_t id, struct json_object *req, struct r3_err *err)
{
	const char *op = text_of(req, "op"), *machine = text_of(req, "machine"), *sw = text_of(req, "switch"), *port = text_of(req, "port");
	size_t i;
	int ret;

	if (!op)
		return err_set(err, EINVAL, "a request needs an \"op\"");
	for (i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(actions[i].op, op))
			continue;
		if (!machine || !config_name_ok(machine))
			return err_set(err, EINVAL, "\"%s\" needs the name of a machine", op);
		return start_job(l, id, actions[i].words, machine, err);
	}
	if (!strcmp(op, "capture")) {
		if (!sw || !config_name_ok(sw) || (port && !config_name_ok(port)))
			return err_set(err, EINVAL, "\"capture\" needs the name of a switch, and that of a port, if any");
		ret = capture_start(sw, port, err);
	} else if (!strcmp(op, "capture-stop")) {
		ret = capture_stop(number_of(req, "number"), err);
	} else if (!strcmp(op, "capture-remove")) {
		ret = capture_remove(number_of(req, "number"), err);
	} else {
		return err_set(err, EINVAL, "unknown \"op\"");
	}
	snapshot_want(snapshot_came);
	return ret < 0 ? ret : 0;
}

static int take(struct live *l, const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(8);
	struct json_object *req = tok ? json_tokener_parse_ex(tok, text, len) : NULL;
	struct r3_err err;
	int64_t id;
	int ret;

	if (tok)
		json_tokener_free(tok);
	if (!json_object_is_type(req, json_type_object)) {
		json_object_put(req);
		return -1;
	}
	id = number_of(req, "id");
	ret = begin(l, id, req, &err);
	if (ret <= 0)
		answer_id(l->serial, id, ret ? err.msg : NULL);
	json_object_put(req);
	return 0;
}

static int receive(struct live *l, const char *text, size_t len)
{
	int ret;

	if (l->over || len > sizeof(l->request) - l->len || lws_frame_is_binary(l->wsi))
		return -1;
	memcpy(l->request + l->len, text, len);
	l->len += len;
	if (!lws_is_final_fragment(l->wsi) || lws_remaining_packet_payload(l->wsi))
		return 0;
	ret = take(l, l->request, l->len);
	l->len = 0;
	return ret;
}

/* ---- life ---- */

static void tick(lws_sorted_usec_list_t *s)
{
	lws_sul_schedule(server.lws, 0, &sul, tick, LWS_US_PER_SEC);
	if (all)
		snapshot_want(snapshot_came);
	captures_tick();
	term_tick();
}

int live_start(void)
{
	lws_sul_schedule(server.lws, 0, &sul, tick, 1);
	return 0;
}

static void closed(struct live *l)
{
	struct live **p;

	for (p = &all; *p; p = &(*p)->next) {
		if (*p != l)
			continue;
		*p = l->next;
		nr_live--;
		break;
	}
	snapshot_put(l->message);
	l->message = NULL;
	while (l->nr_answers)
		free(l->answers[--l->nr_answers]);
}

int live_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct live *l = user;
	const char *rest, *why;
	char path[256];

	switch (reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		rest = server_admit(wsi, path, sizeof(path), &why);
		return !rest || strcmp(rest, "live") || nr_live >= SERVER_MAX_LIVE;
	case LWS_CALLBACK_ESTABLISHED:
		*l = (struct live){ .next = all, .wsi = wsi, .serial = ++last_serial };
		all = l;
		nr_live++;
		snapshot_want(snapshot_came);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		return receive(l, in, len);
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return send_one(l);
	case LWS_CALLBACK_CLOSED:
		closed(l);
		return 0;
	default:
		return 0;
	}
}
