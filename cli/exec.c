// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "base/util.h"
#include "cli.h"
#include "message.h"
#include "opts.h"
#include "values.h"

struct exec {
	struct attach attach;
	int tty;
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
		return value_env("env", value, x->attach.env, &x->attach.nr_env, ATTACH_MAX_ENV, err);
	if (!strcmp(o->name, "user")) {
		x->attach.spec.with_uid = true;
		return value_user("user", value, &x->attach.spec.uid, &x->attach.spec.gid, err);
	}
	if (!strcmp(o->name, "cwd"))
		x->attach.spec.cwd = value;
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

int exec_main(int argc, char **argv)
{
	static struct exec x;
	static char term[128];
	struct r3_err err;
	bool dashes;
	int at, ret;

	stdfd_sanitize();
	x.tty = -1;
	if (getenv("TERM") && strlen(getenv("TERM")) <= 64) {
		snprintf(term, sizeof(term), "TERM=%s", getenv("TERM"));
		x.attach.env[x.attach.nr_env++] = term;
	}
	at = opts_parse(&exec_opts, argc, argv, &x, &dashes, &err);
	if (at >= 0 && at == argc)
		at = err_set(&err, EINVAL, "which guest? \"ring3 ps\" lists them: ring3 %s", exec_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	x.attach.spec.argv = argv + at + 1;
	if (x.attach.spec.argv[0] && !strcmp(x.attach.spec.argv[0], "--"))
		x.attach.spec.argv++;
	if (!x.attach.spec.argv[0])
		x.attach.spec.argv = NULL;
	x.attach.spec.tty = x.tty < 0 ? session_wants_tty() : x.tty;

	ret = attach_run(&x.attach, argv[at], &err);
	if (ret < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	return ret;
}
