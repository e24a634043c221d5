// SPDX-License-Identifier: GPL-2.0-or-later
/* `ring3 start` and `restart`: machines from their definitions. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "background.h"
#include "cli.h"
#include "define.h"
#include "kept.h"
#include "message.h"
#include "opts.h"
#include "run.h"
#include "stdfd.h"
#include "stopping.h"
#include "values.h"

struct start {
	int64_t timeout_ms;
};

static const struct opt start_table[] = {
	{ NULL }
};

static const struct opts start_opts = {
	.usage = "start NAME...",
	.about = "Starts machines that were created, or guests of \"ring3 run --detach\" that have\n"
		 "ended, as they were started then, and returns when they are ready.",
	.table = start_table,
	.more = "Exit status: 125 if one could not be started, or as of \"ring3 run\".",
};

static const struct opt restart_table[] = {
	{ "timeout", 't', "TIME", "How long it may take to end by itself before it is ended, in seconds, or 10m or 2h. Default: 90." },
	{ NULL }
};

static int set_restart(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct start *s = ctx;

	return value_time("timeout", value, &s->timeout_ms, err);
}

static const struct opts restart_opts = {
	.usage = "restart [OPTIONS] NAME...",
	.about = "Stops guests in the background, if they run, and starts them as they were\n"
		 "started before.",
	.table = restart_table,
	.more = "Exit status: 125 if one could not be started, or as of \"ring3 run\".",
	.set = set_restart,
};

static int start_one(const char *name)
{
	struct definition def;
	struct r3_err err;
	int dir = kept_find(name, &err), ret = dir, here = -1;

	if (ret >= 0) {
		ret = define_load(&def, dir, &err);
		close(dir);
		if (ret == -ENOENT)
			err_set(&err, ret, "how the machine %s is started is not kept; start it with \"ring3 run --detach --name %s\"", name, name);
	}
	if (ret >= 0) {
		here = run_start(name, &def, &err);
		define_free(&def);
		ret = here < 0 ? here : 0;
	}
	if (ret < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	return here;
}

static int start_all(int at, int argc, char **argv)
{
	int status = CLI_OK, ret;

	for (; at < argc; at++) {
		ret = start_one(argv[at]);
		/* The child of one of them is a guest, which has ended. */
		if (run_is_guest())
			return ret;
		if (ret)
			status = ret;
		if (background_interrupted())
			break;
	}
	return status;
}

int start_main(int argc, char **argv)
{
	struct r3_err err;
	bool dashes;
	int at;

	stdfd_sanitize();
	at = opts_parse(&start_opts, argc, argv, NULL, &dashes, &err);
	if (at >= 0 && at == argc)
		at = err_set(&err, EINVAL, "which machine? \"ring3 ps -a\" lists them: ring3 %s", start_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	return start_all(at, argc, argv);
}

/* Before it is stopped: can it be started again? */
static int check_one(const char *name, struct r3_err *err)
{
	struct definition def;
	int dir = kept_find(name, err), ret;

	if (dir < 0)
		return err_set(err, ENOENT, "no guest in the background is called %s; \"ring3 ps -a\" lists those that are", name);
	ret = define_load(&def, dir, err);
	close(dir);
	if (!ret)
		define_free(&def);
	return ret;
}

int restart_main(int argc, char **argv)
{
	struct start s = { .timeout_ms = 90000 };
	int at, i, ret = 0;
	struct r3_err err;
	bool dashes;

	stdfd_sanitize();
	at = opts_parse(&restart_opts, argc, argv, &s, &dashes, &err);
	if (at >= 0 && at == argc)
		at = err_set(&err, EINVAL, "which guest? \"ring3 ps -a\" lists them: ring3 %s", restart_opts.usage);
	for (i = at; at >= 0 && !ret && i < argc; i++)
		ret = check_one(argv[i], &err);
	for (i = at; at >= 0 && !ret && i < argc; i++) {
		ret = stopping_one(argv[i], s.timeout_ms, false, &err);
		if (ret == -ENOENT)
			ret = 0;
	}
	if (at < 0 || ret < 0) {
		message("%s", err.msg);
		return at < 0 ? CLI_START : CLI_FAILED;
	}
	return start_all(at, argc, argv);
}
