// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "message.h"
#include "opts.h"
#include "stopping.h"
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
		if (stopping_one(argv[at], s.timeout_ms, s.force, &err) < 0) {
			message("%s", err.msg);
			status = CLI_FAILED;
		}
	}
	return status;
}
