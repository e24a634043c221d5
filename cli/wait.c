// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "kept.h"
#include "loop.h"
#include "message.h"
#include "opts.h"
#include "state.h"
#include "values.h"

#define SETTLE_MS	5000

struct wait {
	int64_t timeout_ms;
};

static const struct opt table[] = {
	{ "timeout", 't', "TIME", "Wait no longer than this, in seconds, or 10m or 2h; then the exit status is 124." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct wait *w = ctx;

	return value_time("timeout", value, &w->timeout_ms, err);
}

static const struct opts wait_opts = {
	.usage = "wait [OPTIONS] NAME",
	.about = "Waits until the guest NAME ends, and ends with the exit status that \"ring3 run\"\n"
		 "had or would have had; at once if it has ended already.",
	.table = table,
	.more = "Exit status: as of \"ring3 run\"; 1 if there is no such guest, 122 if its process\n"
		"was killed, 124 --timeout.",
	.set = set_option,
};

static int status_of(struct json_object *o)
{
	struct json_object *status;

	return json_object_object_get_ex(o, "status", &status) ? json_object_get_int(status) & 0xff : CLI_HOST;
}

/* How it ended, if it has. */
static int ended(const char *name, struct r3_err *err)
{
	cleanup_close int dir = kept_find(name, err);
	int64_t until = loop_now() + SETTLE_MS;
	struct json_object *o;
	int status;

	if (dir < 0)
		return dir;
	/* Its socket may be gone a moment before its process is, or come a moment later. */
	while (!(o = kept_get(dir, KEPT_END)) && kept_is_taken(dir) && loop_now() < until)
		poll(NULL, 0, 10);
	if (!o && kept_is_taken(dir))
		return err_set(err, EAGAIN, "the guest %s is neither running nor ended; try again", name);
	if (!o) {
		message("the process of the guest %s was killed", name);
		return CLI_HOST;
	}
	status = status_of(o);
	json_object_put(o);
	return status;
}

static int wait_running(int fd, int64_t timeout_ms, struct r3_err *err)
{
	struct json_object *o;
	int ret = state_answer(fd, timeout_ms, &o, err), status;

	if (ret)
		return ret;
	status = status_of(o);
	json_object_put(o);
	return status;
}

int wait_main(int argc, char **argv)
{
	struct wait w = { .timeout_ms = -1 };
	struct json_object *req, *reply;
	struct r3_err err;
	bool dashes;
	int at, fd, ret;

	at = opts_parse(&wait_opts, argc, argv, &w, &dashes, &err);
	if (at >= 0 && at + 1 != argc)
		at = err_set(&err, EINVAL, "which guest? \"ring3 ps -a\" lists them: ring3 %s", wait_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	req = json_object_new_object();
	json_object_object_add(req, "op", json_object_new_string("wait"));
	fd = state_ask(argv[at], req, &reply, &err);
	json_object_put(req);
	if (fd >= 0) {
		json_object_put(reply);
		ret = wait_running(fd, w.timeout_ms, &err);
		close(fd);
		/* Its process was killed, or is ending just now. */
		if (ret == -ECONNRESET)
			ret = ended(argv[at], &err);
		if (ret == -EAGAIN) {
			message("the guest %s runs on after --timeout", argv[at]);
			return CLI_TIMEOUT;
		}
	} else {
		ret = fd == -ENOENT || fd == -ECONNRESET ? ended(argv[at], &err) : fd;
	}
	if (ret < 0) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	return ret;
}
