// SPDX-License-Identifier: GPL-2.0-or-later
#include "attach.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "message.h"
#include "signals.h"
#include "state.h"

static const char *take_frame(void *ctx, const struct r3_frame *frame, const uint8_t *payload)
{
	struct attach *x = ctx;

	return frame->session == x->session.id ? session_frame(&x->session, frame, payload) : "not its session";
}

static void lost(void *ctx, const char *why)
{
	struct attach *x = ctx;

	if (!x->session.over)
		x->lost = true;
}

static void drained(void *ctx)
{
	struct attach *x = ctx;

	session_wake(&x->session);
}

static void done(void *ctx)
{
	((struct attach *)ctx)->done = true;
}

static void escaped(void *ctx)
{
	((struct attach *)ctx)->escaped = true;
}

static void take_signal(void *ctx, short revents)
{
	struct attach *x = ctx;
	struct signalfd_siginfo info;

	if (read(x->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		break;
	case SIGWINCH:
		session_resize(&x->session);
		break;
	case SIGTSTP:
		session_suspend(&x->session);
		break;
	default:
		session_signal(&x->session, info.ssi_signo);
	}
}

static int take_signals(struct attach *x, struct r3_err *err)
{
	x->signal_fd = signals_open(err);
	if (x->signal_fd < 0)
		return x->signal_fd;
	loop_watch(&x->loop, &x->signal_watch, x->signal_fd, POLLIN, take_signal, x);
	return 0;
}

/* What every command of the guest has, before what was asked for. */
static void take_env(struct attach *x, struct json_object *reply)
{
	char *carried[CARRY_MAX_ENV + 1] = { NULL };
	struct json_object *env;
	size_t n, i;

	if (!json_object_object_get_ex(reply, "env", &env) || !json_object_is_type(env, json_type_array))
		return;
	n = min_t(size_t, json_object_array_length(env), CARRY_MAX_ENV);
	for (i = 0; i < n; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(env, i));

		carried[i] = strdup(text ? text : "");
		if (!carried[i])
			break;
	}
	carry_add(x->env, &x->nr_env, carried);
}

static int connect_guest(struct attach *x, const char *name, struct r3_err *err)
{
	struct json_object *req = json_object_new_object(), *reply, *id, *window;
	int fd, ret, session, grant;

	json_object_object_add(req, "op", json_object_new_string("exec"));
	fd = state_ask(name, req, &reply, err);
	json_object_put(req);
	if (fd < 0)
		return fd;
	if (!json_object_object_get_ex(reply, "session", &id) ||
	    !json_object_object_get_ex(reply, "window", &window)) {
		json_object_put(reply);
		close(fd);
		return err_set(err, EPROTO, "the guest's answer makes no sense");
	}
	session = json_object_get_int(id);
	grant = json_object_get_int(window);
	take_env(x, reply);
	json_object_put(reply);

	x->wire = (struct wire){ .ctx = x, .frame = take_frame, .ended = lost, .drained = drained };
	ret = wire_open(&x->wire, &x->loop, fd);
	if (ret)
		return err_set(err, ret, "no memory for the connection");
	x->session.ctx = x;
	x->session.on_done = done;
	x->session.on_escape = escaped;
	return session_open(&x->session, &x->loop, &x->wire, session, grant, &x->spec, err);
}

static int result(struct attach *x)
{
	if (x->escaped) {
		message("Ctrl-] three times: detached from the command");
		return CLI_ENDED;
	}
	if (!x->done) {
		message("the guest ended before the command did");
		return CLI_ENDED;
	}
	if (x->session.message[0])
		message("%s", x->session.message);
	return x->session.status;
}

int attach_run(struct attach *x, const char *name, struct r3_err *err)
{
	int ret, status;

	x->spec.env = x->env;
	ret = take_signals(x, err);
	if (!ret)
		ret = connect_guest(x, name, err);
	while (!ret && !x->done && !x->lost && !x->escaped) {
		ret = loop_step(&x->loop);
		if (ret)
			err_set(err, ret, "poll: %s", strerror(-ret));
	}
	if (ret) {
		term_restore();
		return ret;
	}
	if (x->lost)
		session_flush(&x->session, 0);
	session_close(&x->session);
	status = result(x);
	wire_close(&x->wire);
	return status;
}
