// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "inside.h"
#include "state.h"
#include "text.h"

struct ring3_events {
	pthread_mutex_t lock;		/* one line is one thread's */
	int fd;
	bool over;			/* "exit" was told */
	size_t len;			/* of a line whose end has not come yet */
	char line[STATE_LINE_MAX];
};

EXPORT int ring3_events_open(struct ring3 *machine, struct ring3_events **events, struct ring3_error *error)
{
	struct json_object *req = json_object_new_object(), *reply;
	struct ring3_events *e = calloc(1, sizeof(*e));
	struct r3_err err;
	int ret = e ? inside_connect(machine, &err) : err_set(&err, ENOMEM, "no memory for events");

	json_object_object_add(req, "op", json_object_new_string("events"));
	if (ret >= 0) {
		e->fd = ret;
		ret = state_request(e->fd, req, &reply, &err);
		if (ret)
			close(e->fd);
	}
	json_object_put(req);
	if (ret < 0) {
		free(e);
		return inside_error(error, &err);
	}
	json_object_put(reply);
	pthread_mutex_init(&e->lock, NULL);
	*events = e;
	return 0;
}

static int next(struct ring3_events *e, int timeout_ms, char **json, struct r3_err *err)
{
	struct json_object *o, *event;
	int ret;

	if (e->over)
		return 0;
	ret = state_line(e->fd, timeout_ms ? timeout_ms : 1, e->line, &e->len, err);
	if (ret)
		return ret;
	o = text_parse(e->line);
	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, "event", &event) || !json_object_is_type(event, json_type_string)) {
		json_object_put(o);
		return err_set(err, EPROTO, "the guest's event makes no sense");
	}
	e->over = !strcmp(json_object_get_string(event), "exit");
	*json = text_json(o);
	json_object_put(o);
	return *json ? 1 : err_set(err, ENOMEM, "no memory for an event");
}

EXPORT int ring3_events_next(struct ring3_events *events, int timeout_ms, char **json, struct ring3_error *error)
{
	int64_t until = inside_until(timeout_ms);
	struct timespec ts = { until / 1000, until % 1000 * 1000000 };
	struct r3_err err;
	int ret;

	/* Another thread may wait for longer than this one wants to. */
	if (until < 0)
		ret = pthread_mutex_lock(&events->lock);
	else
		ret = pthread_mutex_clocklock(&events->lock, CLOCK_MONOTONIC, &ts);
	if (ret) {
		err_set(&err, ret, "no event came in time");
		return inside_error(error, &err);
	}
	ret = next(events, inside_left(until), json, &err);
	pthread_mutex_unlock(&events->lock);
	return ret < 0 ? inside_error(error, &err) : ret;
}

EXPORT void ring3_events_close(struct ring3_events *events)
{
	if (!events)
		return;
	close(events->fd);
	pthread_mutex_destroy(&events->lock);
	free(events);
}
