// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "cli.h"
#include "message.h"
#include "opts.h"
#include "values.h"
#include "waiting.h"

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

int wait_main(int argc, char **argv)
{
	struct wait w = { .timeout_ms = -1 };
	bool dashes, killed;
	struct r3_err err;
	int at, ret;

	at = opts_parse(&wait_opts, argc, argv, &w, &dashes, &err);
	if (at >= 0 && at + 1 != argc)
		at = err_set(&err, EINVAL, "which guest? \"ring3 ps -a\" lists them: ring3 %s", wait_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	ret = waiting_for(argv[at], w.timeout_ms, &killed, &err);
	if (ret == -ETIMEDOUT) {
		message("the guest %s runs on after --timeout", argv[at]);
		return CLI_TIMEOUT;
	}
	if (ret < 0) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	if (killed)
		message("the process of the guest %s was killed", argv[at]);
	return ret;
}
