// SPDX-License-Identifier: GPL-2.0-or-later
/* A client is a connection; what it is for is said by its first line. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "config.h"
#include "control_client.h"
#include "state.h"
#include "text.h"

/* Freed later: whoever calls may still be using it. */
void client_kill(struct client *cl)
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

void client_reply(struct client *cl, struct json_object *o)
{
	char *text = text_json(o);
	size_t len = text ? strlen(text) : 0;

	/* Short, and the first thing sent: it fits the socket or the client is not one. */
	if (!text || send(cl->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len ||
	    send(cl->fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
		client_kill(cl);
	free(text);
	json_object_put(o);
}

struct json_object *client_answer(bool ok)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "ok", json_object_new_boolean(ok));
	return o;
}

struct json_object *client_refusal(const char *why)
{
	struct json_object *o = client_answer(false);

	json_object_object_add(o, "error", json_object_new_string(why));
	return o;
}

/* Of a client that does not speak the protocol, or cannot have what it asked for as its last. */
void client_refuse(struct client *cl, const char *why)
{
	client_reply(cl, client_refusal(why));
	client_kill(cl);
}

/* ---- requests ---- */

static void take_request(struct client *cl, struct json_object *req)
{
	struct json_object *op;
	const char *name;

	if (!json_object_object_get_ex(req, "op", &op) || !json_object_is_type(op, json_type_string)) {
		client_refuse(cl, "a request needs an \"op\"");
		return;
	}
	name = json_object_get_string(op);
	if (cl->calls && (!strcmp(name, "exec") || !strcmp(name, "console"))) {
		/* What follows are no lines, and answers are. */
		client_refuse(cl, "requests of this connection have no answer yet");
	} else if (!strcmp(name, "exec")) {
		client_begin_session(cl);
	} else if (!strcmp(name, "console")) {
		client_begin_console(cl);
	} else if (!strcmp(name, "wait") || !strcmp(name, "events")) {
		cl->kind = *name == 'w' ? KIND_WAIT : KIND_EVENTS;
		client_reply(cl, client_answer(true));
	} else {
		/* Its connection lasts until the guest's end, which is what who asks waits for. */
		if (!strcmp(name, "stop"))
			cl->kind = KIND_WAIT;
		client_begin_call(cl, name, req);
	}
}

/* It has closed its side, for writing only until a hang-up says more. */
static void no_more(struct client *cl)
{
	cl->no_more = true;
	cl->watch.events = 0;
	cl->watch.any = true;
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
	if (n == 0 && cl->calls) {
		/* "echo REQUEST | ring3 api": what was asked for still goes out. */
		no_more(cl);
		return;
	}
	if (n <= 0 || recv(cl->fd, at, n, MSG_DONTWAIT) != n) {
		client_kill(cl);
		return;
	}
	cl->len += n;
	if (!nl) {
		if (cl->len == sizeof(cl->line) - 1)
			client_refuse(cl, "the request is too long");
		return;
	}
	*nl = 0;
	cl->len = 0;
	req = json_tokener_parse(cl->line);
	if (!req || !json_object_is_type(req, json_type_object))
		client_refuse(cl, "the request is not JSON");
	else
		take_request(cl, req);
	json_object_put(req);
}

static void client_ready(void *ctx, short revents)
{
	struct client *cl = ctx;
	char drop[256];

	if (cl->no_more && revents & (POLLHUP | POLLERR)) {
		client_kill(cl);
		return;
	}
	switch (cl->kind) {
	case KIND_LINE:
		line_ready(cl);
		break;
	case KIND_CONSOLE:
		client_console_ready(cl, revents);
		break;
	case KIND_WAIT:
	case KIND_EVENTS:
		/* Its end is all there is to see. */
		if (revents & (POLLHUP | POLLERR))
			client_kill(cl);
		else if (recv(cl->fd, drop, sizeof(drop), MSG_DONTWAIT) == 0)
			no_more(cl);
		break;
	default:
		break;
	}
}

/* The directory is the user's alone; this is for one that was not made so. */
static bool is_owner(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && (peer.uid == getuid() || !peer.uid);
}

static void accept_client(void *ctx, short revents)
{
	struct control *c = ctx;
	struct client *cl;
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	util_no_descriptors(fd);
	cl = c->nr_clients < MAX_CLIENTS && is_owner(fd) ? calloc(1, sizeof(*cl)) : NULL;
	if (!cl) {
		close(fd);
		return;
	}
	cl->control = c;
	cl->nr = ++c->last_nr;
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
		free(c);
		return NULL;
	}
	loop_watch(cfg->loop, &c->watch, c->fd, POLLIN, accept_client, c);
	loop_timer(cfg->loop, &c->reap, reap_clients, c);
	return c;
}

int control_rename(struct control *c, const char *name, struct r3_err *err)
{
	int lock;

	if (!config_name_ok(name))
		return err_set(err, EINVAL, "%s is not a name for a guest", name);
	lock = state_reserve(c->dir, name, err);
	if (lock < 0)
		return lock;
	if (state_move(c->dir, c->cfg.name, name, err)) {
		state_release(c->dir, name, lock);
		return err->code;
	}
	state_release(c->dir, c->cfg.name, c->lock);
	c->lock = lock;
	snprintf(c->cfg.name, GUEST_NAME_SIZE, "%s", name);
	return 0;
}

void control_reset(struct control *c)
{
	struct client *cl;

	for (cl = c->clients; cl; cl = cl->next) {
		if (cl->kind == KIND_SESSION) {
			cl->over = true;
			client_kill(cl);
		}
	}
}

void control_event(struct control *c, const char *event, struct json_object *more)
{
	struct json_object *o = json_object_new_object();
	struct timespec ts;
	struct client *cl;

	clock_gettime(CLOCK_REALTIME, &ts);
	json_object_object_add(o, "event", json_object_new_string(event));
	json_object_object_add(o, "name", json_object_new_string(c->cfg.name));
	json_object_object_add(o, "time", json_object_new_int64(ts.tv_sec * 1000LL + ts.tv_nsec / 1000000));
	if (more) {
		json_object_object_foreach(more, key, value)
			json_object_object_add(o, key, json_object_get(value));
		json_object_put(more);
	}
	/* Who does not read them loses its connection, and holds up nobody. */
	for (cl = c->clients; cl; cl = cl->next)
		if (cl->kind == KIND_EVENTS)
			client_reply(cl, json_object_get(o));
	json_object_put(o);
}

static void tell_status(struct client *cl, int status)
{
	struct json_object *o = client_answer(true);

	json_object_object_add(o, "status", json_object_new_int(status));
	client_reply(cl, o);
}

void control_close(struct control *c, int status)
{
	struct json_object *end;
	struct client *cl;

	if (!c)
		return;
	end = json_object_new_object();
	json_object_object_add(end, "status", json_object_new_int(status));
	control_event(c, "exit", end);
	/* Who learns of the end may start another guest of this name at once. */
	close_socket(c);
	for (cl = c->clients; cl; cl = cl->next) {
		if (cl->kind == KIND_CONSOLE)
			client_console_flush(cl);
		if (cl->kind == KIND_WAIT)
			tell_status(cl, status);
		cl->over = true;
		client_kill(cl);
	}
	reap_clients(c);
	loop_unwatch(c->cfg.loop, &c->watch);
	loop_untimer(c->cfg.loop, &c->reap);
	free(c);
}
