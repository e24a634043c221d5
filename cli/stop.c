// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "loop.h"
#include "message.h"
#include "opts.h"
#include "state.h"
#include "term.h"
#include "values.h"

struct stop {
	bool force;
	int64_t timeout_ms;
};

static const struct opt table[] = {
	{ "force", 'f', NULL, "End it at once, as if its power were cut." },
	{ "timeout", 't', "TIME", "How long it may take to end by itself before it is ended, in seconds, or 10m or 2h. Default: 90." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct stop *s = ctx;

	if (o->letter == 't')
		return value_time("timeout", value, &s->timeout_ms, err);
	s->force = true;
	return 0;
}

static const struct opts stop_opts = {
	.usage = "stop [OPTIONS] NAME...",
	.about = "Asks running guests to power off, and waits until they have.",
	.table = table,
	.set = set_option,
};

static int request(const char *name, bool force, struct r3_err *err)
{
	struct json_object *req = json_object_new_object(), *reply;
	int fd;

	json_object_object_add(req, "op", json_object_new_string("stop"));
	json_object_object_add(req, "force", json_object_new_boolean(force));
	fd = state_ask(name, req, &reply, err);
	json_object_put(req);
	if (fd >= 0)
		json_object_put(reply);
	return fd;
}

/* The connection ends with the guest. */
static bool wait_end(int fd, int64_t ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int64_t until = loop_now() + ms;
	char byte;

	while (ms >= 0) {
		if (poll(&pfd, 1, ms > 3600000 ? 3600000 : ms) > 0 && read(fd, &byte, 1) <= 0)
			return true;
		ms = until - loop_now();
	}
	return false;
}

static int stop_one(const struct stop *s, const char *name, struct r3_err *err)
{
	int fd = request(name, s->force, err), second;
	bool ended;

	if (fd < 0)
		return fd;
	ended = wait_end(fd, s->force ? 10000 : s->timeout_ms);
	if (!ended && !s->force) {
		second = request(name, true, err);
		ended = wait_end(fd, 10000);
		if (second >= 0)
			close(second);
	}
	close(fd);
	if (!ended)
		return err_set(err, ETIMEDOUT, "the guest %s does not end; \"ring3 ps --json\" names its processes", name);
	return 0;
}

int stop_main(int argc, char **argv)
{
	struct stop s = { .timeout_ms = 90000 };
	int at, status = CLI_OK;
	struct r3_err err;
	bool dashes;

	at = opts_parse(&stop_opts, argc, argv, &s, &dashes, &err);
	if (at >= 0 && at == argc)
		at = err_set(&err, EINVAL, "which guest? \"ring3 ps\" lists them: ring3 %s", stop_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	for (; at < argc; at++) {
		if (stop_one(&s, argv[at], &err) < 0) {
			message("%s", err.msg);
			status = CLI_FAILED;
		}
	}
	return status;
}
