// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/util.h"
#include "bootlog.h"
#include "carry.h"
#include "cli.h"
#include "message.h"
#include "opts.h"
#include "session.h"
#include "signals.h"
#include "state.h"
#include "values.h"

#define MAX_ENV	256

struct exec {
	struct session_spec spec;
	char *env[MAX_ENV + 2 + CARRY_MAX_ENV];
	int nr_env;
	int tty;
	struct loop loop;
	struct wire wire;
	struct session session;
	struct watch signal_watch;
	int signal_fd;
	bool done, lost, escaped;
};

static const struct opt table[] = {
	{ "env", 'e', "NAME=VALUE", "Variable in the command's environment. May be given several times." },
	{ "cwd", 'C', "DIR", "Directory in the guest to run the command in. Default: the user's home." },
	{ "user", 'u', "UID[:GID]", "Run the command as this user. Default: root." },
	{ "tty", 0, NULL, "Give the command a terminal even if stdin or stdout is not a terminal." },
	{ "no-tty", 'T', NULL, "Give the command pipes even if stdin and stdout are terminals." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct exec *x = ctx;

	if (!strcmp(o->name, "env"))
		return value_env("env", value, x->env, &x->nr_env, MAX_ENV, err);
	if (!strcmp(o->name, "user")) {
		x->spec.with_uid = true;
		return value_user("user", value, &x->spec.uid, &x->spec.gid, err);
	}
	if (!strcmp(o->name, "cwd"))
		x->spec.cwd = value;
	else
		x->tty = !strcmp(o->name, "tty");
	return 0;
}

static const struct opts exec_opts = {
	.usage = "exec [OPTIONS] NAME [-- COMMAND [ARG...]]",
	.about = "Runs COMMAND in the running guest NAME, as root, with this stdin, stdout and\n"
		 "stderr and with its exit status; without COMMAND, a shell.",
	.table = table,
	.more = "Exit status: the command's; 120 the guest ended before it, 125 it could not be\n"
		"started, 126 the command cannot be executed, 127 command not found.",
	.set = set_option,
};

static const char *take_frame(void *ctx, const struct r3_frame *frame, const uint8_t *payload)
{
	struct exec *x = ctx;

	return frame->session == x->session.id ? session_frame(&x->session, frame, payload) : "not its session";
}

static void lost(void *ctx, const char *why)
{
	struct exec *x = ctx;

	if (!x->session.over)
		x->lost = true;
}

static void drained(void *ctx)
{
	struct exec *x = ctx;

	session_wake(&x->session);
}

static void done(void *ctx)
{
	((struct exec *)ctx)->done = true;
}

static void escaped(void *ctx)
{
	((struct exec *)ctx)->escaped = true;
}

static void take_signal(void *ctx, short revents)
{
	struct exec *x = ctx;
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

static int take_signals(struct exec *x, struct r3_err *err)
{
	x->signal_fd = signals_open(err);
	if (x->signal_fd < 0)
		return x->signal_fd;
	loop_watch(&x->loop, &x->signal_watch, x->signal_fd, POLLIN, take_signal, x);
	return 0;
}

/* What every command of the guest has, before what was asked for. */
static void take_env(struct exec *x, struct json_object *reply)
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

static int connect_guest(struct exec *x, const char *name, struct r3_err *err)
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

static int result(struct exec *x)
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

int exec_main(int argc, char **argv)
{
	static struct exec x;
	static char term[128];
	struct r3_err err;
	bool dashes;
	int at, ret, status;

	stdfd_sanitize();
	x.tty = -1;
	if (getenv("TERM") && strlen(getenv("TERM")) <= 64) {
		snprintf(term, sizeof(term), "TERM=%s", getenv("TERM"));
		x.env[x.nr_env++] = term;
	}
	at = opts_parse(&exec_opts, argc, argv, &x, &dashes, &err);
	if (at >= 0 && at == argc)
		at = err_set(&err, EINVAL, "which guest? \"ring3 ps\" lists them: ring3 %s", exec_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	x.spec.env = x.env;
	x.spec.argv = argv + at + 1;
	if (x.spec.argv[0] && !strcmp(x.spec.argv[0], "--"))
		x.spec.argv++;
	if (!x.spec.argv[0])
		x.spec.argv = NULL;
	x.spec.tty = x.tty < 0 ? session_wants_tty() : x.tty;

	ret = take_signals(&x, &err);
	if (!ret)
		ret = connect_guest(&x, argv[at], &err);
	while (!ret && !x.done && !x.lost && !x.escaped) {
		ret = loop_step(&x.loop);
		if (ret)
			err_set(&err, ret, "poll: %s", strerror(-ret));
	}
	if (ret) {
		term_restore();
		message("%s", err.msg);
		return CLI_START;
	}
	if (x.lost)
		session_flush(&x.session, 0);
	session_close(&x.session);
	status = result(&x);
	wire_close(&x.wire);
	return status;
}
