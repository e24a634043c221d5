// SPDX-License-Identifier: GPL-2.0-or-later
/* Clients whose connection is a command's, or the console's. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "control_client.h"

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
	client_kill(ctx);
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

void client_begin_session(struct client *cl)
{
	struct control *c = cl->control;
	const char *why = "the guest runs too many commands of \"ring3 exec\" already";
	struct json_object *o, *env;
	int i;

	if (c->nr_sessions < MAX_SESSIONS)
		cl->id = agent_attach_client(c->cfg.agent, agent_frame, cl, &why);
	if (!cl->id) {
		client_refuse(cl, why);
		return;
	}
	cl->kind = KIND_SESSION;
	c->nr_sessions++;
	o = client_answer(true);
	json_object_object_add(o, "session", json_object_new_int(cl->id));
	json_object_object_add(o, "window", json_object_new_int(c->cfg.agent->hello.window));
	if (c->cfg.env && c->cfg.env[0]) {
		env = json_object_new_array();
		for (i = 0; c->cfg.env[i]; i++)
			json_object_array_add(env, json_object_new_string(c->cfg.env[i]));
		json_object_object_add(o, "env", env);
	}
	client_reply(cl, o);
	if (cl->kind == KIND_DEAD)
		return;
	loop_unwatch(c->cfg.loop, &cl->watch);
	cl->wire = (struct wire){ .ctx = cl, .from_host = true, .frame = client_frame, .ended = client_ended };
	if (wire_open(&cl->wire, c->cfg.loop, cl->fd))
		client_kill(cl);
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

void client_console_flush(struct client *cl)
{
	ssize_t n;

	if (!cl->out_len)
		return;
	n = send(cl->fd, cl->out, cl->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		client_kill(cl);
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

void client_begin_console(struct client *cl)
{
	cl->out = malloc(CONSOLE_QUEUE);
	if (!cl->out) {
		client_refuse(cl, "out of memory");
		return;
	}
	cl->kind = KIND_CONSOLE;
	client_reply(cl, client_answer(true));
	bootlog_each(&cl->control->cfg.hvc->log, console_append, cl);
	console_update(cl);
}

void client_console_ready(struct client *cl, short revents)
{
	char data[HVC_PENDING];
	ssize_t n;

	if (revents & POLLOUT)
		client_console_flush(cl);
	if (cl->kind == KIND_DEAD)
		return;
	if (revents & (POLLIN | POLLHUP | POLLERR)) {
		n = recv(cl->fd, data, sizeof(data), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			client_kill(cl);
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
