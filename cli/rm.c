// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "kept.h"
#include "message.h"
#include "opts.h"

static const struct opt table[] = {
	{ NULL }
};

static const struct opts rm_opts = {
	.usage = "rm NAME...",
	.about = "Removes what is kept of machines that do not run: their logs, how they ended,\n"
		 "and how they were defined. Disks and folders that they used stay.",
	.table = table,
};

static int remove_one(const char *name, struct r3_err *err)
{
	struct kept k;
	int ret = kept_take_old(&k, name, err);

	if (ret == -EBUSY)
		return err_set(err, ret, "the guest %s is running; stop it first: ring3 stop %s", name, name);
	if (!ret)
		kept_release(&k, true);
	return ret;
}

int rm_main(int argc, char **argv)
{
	int at, status = CLI_OK;
	struct r3_err err;
	bool dashes;

	at = opts_parse(&rm_opts, argc, argv, NULL, &dashes, &err);
	if (at >= 0 && at == argc)
		at = err_set(&err, EINVAL, "which machine? \"ring3 ps -a\" lists them: ring3 %s", rm_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	for (; at < argc; at++) {
		if (remove_one(argv[at], &err) < 0) {
			message("%s", err.msg);
			status = CLI_FAILED;
		}
	}
	return status;
}
