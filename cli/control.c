// SPDX-License-Identifier: GPL-2.0-or-later
/* A client is a connection; what it is for is said by its first line. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "control.h"
#include "state.h"
#include "text.h"

/*
 * How many sessions a user of the guest may have is the agent's business. All of
 * them leave room for those who ask something, or end the guest.
 */
#define MAX_SESSIONS	R3_AGENT_SESSIONS
#define MAX_CLIENTS	(MAX_SESSIONS + 16)
#define LINE_MAX_IN	4096
#define CONSOLE_QUEUE	(BOOTLOG_SIZE + 65536)

enum kind { KIND_LINE, KIND_SESSION, KIND_CONSOLE, KIND_WAIT, KIND_DEAD };

struct client {
	struct client *next;
	struct control *control;
	enum kind kind;
	int fd;				/* -1: the wire has it */
	struct watch watch;
	char line[LINE_MAX_IN];
	size_t len;
	struct wire wire;		/* KIND_SESSION */
	uint16_t id;
	bool asked, over;
	char *out;			/* KIND_CONSOLE: CONSOLE_QUEUE bytes */
	size_t out_len;
};

struct control {
	struct control_config cfg;
	int dir, lock, fd;
	struct watch watch;
	struct timer reap;
	struct client *clients;
	int nr_clients, nr_sessions;
};

/* Freed later: whoever calls may still be using it. */
static void kill_client(struct client *cl)
{
	struct control *c = cl->control;

	if (cl->kind == KIND_DEAD)
		return;
	if (cl->kind == KIND_SESSION) {
		c->nr_sessions--;
		if (!cl->over)
			agent_detach(c->cfg.agent, cl->id, cl->asked);
	}
	cl->kind = KIND_DEAD;
	cl->watch.events = 0;
	cl->watch.any = false;
	timer_set(&c->reap, 0);
}

static void reap_clients(void *ctx)
{
	struct control *c = ctx;
	struct client **p = &c->clients, *cl;

	while ((cl = *p)) {
		if (cl->kind != KIND_DEAD) {
			p = &cl->next;
			continue;
		}
		*p = cl->next;
		c->nr_clients--;
		loop_unwatch(c->cfg.loop, &cl->watch);
		wire_close(&cl->wire);
		if (cl->fd >= 0)
			close(cl->fd);
		free(cl->out);
		free(cl);
	}
}

static void reply(struct client *cl, struct json_object *o)
{
	char *text = text_json(o);
	size_t len = text ? strlen(text) : 0;

	/* Short, and the first thing sent: it fits the socket or the client is not one. */
	if (!text || send(cl->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len ||
	    send(cl->fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
		kill_client(cl);
	free(text);
	json_object_put(o);
}

static struct json_object *answer(bool ok)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "ok", json_object_new_boolean(ok));
	return o;
}

static void refuse(struct client *cl, const char *why)
{
	struct json_object *o = answer(false);

	json_object_object_add(o, "error", json_object_new_string(why));
	reply(cl, o);
	kill_client(cl);
}

/* ---- exec ---- */

static const char *client_frame(void *ctx, const struct r3_frame *frame, const uint8_t *payload)
{
	struct client *cl = ctx;
	struct wire *agent = &cl->control->cfg.agent->wire;

	if (frame->session != cl->id)
		return "not its session";
	if (cl->over)
		return NULL;
	switch (frame->type) {
	case R3_FRAME_RUN:
		if (cl->asked)
			return "a session runs one command";
		cl->asked = true;
		break;
	case R3_FRAME_STDIN:
	case R3_FRAME_CREDIT:
	case R3_FRAME_CLOSE:
	case R3_FRAME_WINCH:
	case R3_FRAME_SIGNAL:
		if (!cl->asked)
			return "no command yet";
		break;
	default:
		return "not for clients";
	}
	wire_send(agent, frame->type, frame->session, payload, frame->len);
	if (wire_queued(agent) >= 2 * WIRE_LOW)
		wire_pause(&cl->wire, true);
	return NULL;
}

static void client_ended(void *ctx, const char *why)
{
	kill_client(ctx);
}

static const char *agent_frame(void *ctx, const struct r3_frame *frame, const uint8_t *payload)
{
	struct client *cl = ctx;

	if (cl->kind != KIND_SESSION)
		return NULL;
	if (frame->type == R3_FRAME_EXIT || frame->type == R3_FRAME_ERROR)
		cl->over = true;
	wire_send(&cl->wire, frame->type, frame->session, payload, frame->len);
	return NULL;
}

static void begin_session(struct client *cl)
{
	struct control *c = cl->control;
	const char *why = "the guest runs too many commands of \"ring3 exec\" already";
	struct json_object *o, *env;
	int i;

	if (c->nr_sessions < MAX_SESSIONS)
		cl->id = agent_attach_client(c->cfg.agent, agent_frame, cl, &why);
	if (!cl->id) {
		refuse(cl, why);
		return;
	}
	cl->kind = KIND_SESSION;
	c->nr_sessions++;
	o = answer(true);
	json_object_object_add(o, "session", json_object_new_int(cl->id));
	json_object_object_add(o, "window", json_object_new_int(c->cfg.agent->hello.window));
	if (c->cfg.env && c->cfg.env[0]) {
		env = json_object_new_array();
		for (i = 0; c->cfg.env[i]; i++)
			json_object_array_add(env, json_object_new_string(c->cfg.env[i]));
		json_object_object_add(o, "env", env);
	}
	reply(cl, o);
	if (cl->kind == KIND_DEAD)
		return;
	loop_unwatch(c->cfg.loop, &cl->watch);
	cl->wire = (struct wire){ .ctx = cl, .from_host = true, .frame = client_frame, .ended = client_ended };
	if (wire_open(&cl->wire, c->cfg.loop, cl->fd))
		kill_client(cl);
	cl->fd = -1;
}

void control_wake(struct control *c)
{
	struct client *cl;

	for (cl = c->clients; cl; cl = cl->next)
		if (cl->kind == KIND_SESSION && wire_queued(&c->cfg.agent->wire) < WIRE_LOW)
			wire_pause(&cl->wire, false);
}

/* ---- console ---- */

static void console_update(struct client *cl)
{
	bool room = cl->control->cfg.hvc->in_len < HVC_PENDING;

	cl->watch.events = (room ? POLLIN : 0) | (cl->out_len ? POLLOUT : 0);
}

static void console_flush(struct client *cl)
{
	ssize_t n;

	if (!cl->out_len)
		return;
	n = send(cl->fd, cl->out, cl->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		kill_client(cl);
	if (n > 0) {
		cl->out_len -= n;
		memmove(cl->out, cl->out + n, cl->out_len);
	}
}

static void console_append(void *ctx, const char *text, size_t len)
{
	struct client *cl = ctx;

	/* A viewer that does not look must not hold up the guest. */
	len = min_t(size_t, len, CONSOLE_QUEUE - cl->out_len);
	memcpy(cl->out + cl->out_len, text, len);
	cl->out_len += len;
}

static void begin_console(struct client *cl)
{
	cl->out = malloc(CONSOLE_QUEUE);
	if (!cl->out) {
		refuse(cl, "out of memory");
		return;
	}
	cl->kind = KIND_CONSOLE;
	reply(cl, answer(true));
	bootlog_each(&cl->control->cfg.hvc->log, console_append, cl);
	console_update(cl);
}

static void console_ready(struct client *cl, short revents)
{
	char data[HVC_PENDING];
	ssize_t n;

	if (revents & POLLOUT)
		console_flush(cl);
	if (cl->kind == KIND_DEAD)
		return;
	if (revents & (POLLIN | POLLHUP | POLLERR)) {
		n = recv(cl->fd, data, sizeof(data), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			kill_client(cl);
			return;
		}
		if (n > 0)
			hvc_input(cl->control->cfg.hvc, data, n);
	}
	console_update(cl);
}

void control_console(struct control *c, const char *data, size_t len)
{
	struct client *cl;

	for (cl = c->clients; cl; cl = cl->next) {
		if (cl->kind == KIND_CONSOLE) {
			console_append(cl, data, len);
			console_update(cl);
		}
	}
}

void control_console_room(struct control *c)
{
	struct client *cl;

	for (cl = c->clients; cl; cl = cl->next)
		if (cl->kind == KIND_CONSOLE)
			console_update(cl);
}

/* ---- requests ---- */

static void take_request(struct client *cl, struct json_object *req)
{
	struct json_object *op, *force, *o;
	const struct control_config *cfg = &cl->control->cfg;
	const char *name;
	bool forced = false;

	if (!json_object_object_get_ex(req, "op", &op) || !json_object_is_type(op, json_type_string)) {
		refuse(cl, "a request needs an \"op\"");
		return;
	}
	name = json_object_get_string(op);
	if (!strcmp(name, "info")) {
		o = answer(true);
		json_object_object_add(o, "guest", cfg->ops->info(cfg->ctx));
		reply(cl, o);
		kill_client(cl);
	} else if (!strcmp(name, "exec")) {
		begin_session(cl);
	} else if (!strcmp(name, "console")) {
		begin_console(cl);
	} else if (!strcmp(name, "stop")) {
		if (json_object_object_get_ex(req, "force", &force))
			forced = json_object_get_boolean(force);
		cl->kind = KIND_WAIT;
		reply(cl, answer(true));
		cfg->ops->stop(cfg->ctx, forced);
	} else if (!strcmp(name, "start") || !strcmp(name, "pause") || !strcmp(name, "resume")) {
		struct r3_err err;

		if (cfg->ops->order(cfg->ctx, name, &err)) {
			refuse(cl, err.msg);
			return;
		}
		reply(cl, answer(true));
		kill_client(cl);
	} else {
		refuse(cl, "unknown \"op\"");
	}
}

/* Takes the line and not a byte more: what follows is for whoever the request is to. */
static void line_ready(struct client *cl)
{
	char *at = cl->line + cl->len, *nl;
	struct json_object *req;
	ssize_t n = recv(cl->fd, at, sizeof(cl->line) - 1 - cl->len, MSG_DONTWAIT | MSG_PEEK);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	nl = n > 0 ? memchr(at, '\n', n) : NULL;
	if (nl)
		n = nl + 1 - at;
	if (n <= 0 || recv(cl->fd, at, n, MSG_DONTWAIT) != n) {
		kill_client(cl);
		return;
	}
	cl->len += n;
	if (!nl) {
		if (cl->len == sizeof(cl->line) - 1)
			refuse(cl, "the request is too long");
		return;
	}
	*nl = 0;
	req = json_tokener_parse(cl->line);
	if (!req || !json_object_is_type(req, json_type_object))
		refuse(cl, "the request is not JSON");
	else
		take_request(cl, req);
	json_object_put(req);
}

static void client_ready(void *ctx, short revents)
{
	struct client *cl = ctx;
	char drop[256];

	switch (cl->kind) {
	case KIND_LINE:
		line_ready(cl);
		break;
	case KIND_CONSOLE:
		console_ready(cl, revents);
		break;
	case KIND_WAIT:
		/* Its end is all there is to see. */
		if (recv(cl->fd, drop, sizeof(drop), MSG_DONTWAIT) == 0)
			kill_client(cl);
		break;
	default:
		break;
	}
}

static void accept_client(void *ctx, short revents)
{
	struct control *c = ctx;
	struct client *cl;
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	cl = c->nr_clients < MAX_CLIENTS ? calloc(1, sizeof(*cl)) : NULL;
	if (!cl) {
		close(fd);
		return;
	}
	cl->control = c;
	cl->fd = fd;
	cl->next = c->clients;
	c->clients = cl;
	c->nr_clients++;
	loop_watch(c->cfg.loop, &cl->watch, fd, POLLIN, client_ready, cl);
}

static int reserve_name(struct control *c, struct r3_err *err)
{
	char *name = c->cfg.name;
	int lock = state_reserve(c->dir, name, err), i;

	for (i = 2; lock == -EEXIST && c->cfg.any_name && i < 100; i++) {
		snprintf(name, GUEST_NAME_SIZE, "g%d-%d", getpid(), i);
		lock = state_reserve(c->dir, name, err);
	}
	return lock;
}

static int open_socket(struct control *c, struct r3_err *err)
{
	c->dir = state_dir(true, err);
	if (c->dir < 0)
		return c->dir;
	c->lock = reserve_name(c, err);
	if (c->lock < 0)
		return c->lock;
	c->fd = state_listen(c->dir, c->cfg.name, err);
	return c->fd < 0 ? c->fd : 0;
}

static void close_socket(struct control *c)
{
	if (c->dir >= 0)
		state_release(c->dir, c->cfg.name, c->lock);
	if (c->fd >= 0)
		close(c->fd);
	if (c->dir >= 0)
		close(c->dir);
	free(c);
}

struct control *control_open(const struct control_config *cfg, struct r3_err *err)
{
	struct control *c = malloc(sizeof(*c));

	if (!c) {
		err_set(err, ENOMEM, "no memory for a control socket");
		return NULL;
	}
	*c = (struct control){ .cfg = *cfg, .dir = -1, .lock = -1, .fd = -1 };
	if (open_socket(c, err)) {
		close_socket(c);
		return NULL;
	}
	loop_watch(cfg->loop, &c->watch, c->fd, POLLIN, accept_client, c);
	loop_timer(cfg->loop, &c->reap, reap_clients, c);
	return c;
}

void control_reset(struct control *c)
{
	struct client *cl;

	for (cl = c->clients; cl; cl = cl->next) {
		if (cl->kind == KIND_SESSION) {
			cl->over = true;
			kill_client(cl);
		}
	}
}

void control_close(struct control *c)
{
	struct client *cl;

	if (!c)
		return;
	for (cl = c->clients; cl; cl = cl->next) {
		if (cl->kind == KIND_CONSOLE)
			console_flush(cl);
		cl->over = true;
		kill_client(cl);
	}
	reap_clients(c);
	loop_unwatch(c->cfg.loop, &c->watch);
	loop_untimer(c->cfg.loop, &c->reap);
	close_socket(c);
}
