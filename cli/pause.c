// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 pause, ring3 resume */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "cli.h"
#include "guest.h"
#include "message.h"
#include "opts.h"

static const struct opt table[] = {
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	return 0;
}

static const struct opts pause_opts = {
	.usage = "pause NAME...",
	.about = "Holds running guests: they use no CPU time of the host, and their own time stands\n"
		 "still until \"ring3 resume\".",
	.table = table,
	.set = set_option,
};

static const struct opts resume_opts = {
	.usage = "resume NAME...",
	.about = "Lets paused guests go on. No timer of theirs is late, and their wall clock is right.",
	.table = table,
	.set = set_option,
};

int pause_main(int argc, char **argv)
{
	const struct opts *opts = strcmp(argv[0], "pause") ? &resume_opts : &pause_opts;
	int at, status = CLI_OK;
	struct r3_err err;
	bool dashes;

	at = opts_parse(opts, argc, argv, NULL, &dashes, &err);
	if (at >= 0 && at == argc)
		at = err_set(&err, EINVAL, "which guest? \"ring3 ps\" lists them: ring3 %s", opts->usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	for (; at < argc; at++) {
		if (guest_ask(argv[at], argv[0], &err)) {
			message("%s", err.msg);
			status = CLI_FAILED;
		}
	}
	return status;
}
