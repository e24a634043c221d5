// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli.h"
#include "message.h"
#include "opts.h"
#include "state.h"
#include "stopping.h"
#include "values.h"

struct kill {
	unsigned int sig;		/* 0: the guest as a whole */
};

static const struct opt table[] = {
	{ "signal", 's', "SIGNAL", "Send this signal, as TERM or 15, to the guest's command instead." },
	{ NULL }
};

/* glibc has names without SIG, for those that are not real-time ones. */
static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct kill *k = ctx;
	const char *name = strncasecmp(value, "SIG", 3) ? value : value + 3, *abbrev;
	int sig;

	for (sig = 1; sig < NSIG; sig++) {
		abbrev = sigabbrev_np(sig);
		if (abbrev && !strcasecmp(name, abbrev)) {
			k->sig = sig;
			return 0;
		}
	}
	if (*value < '0' || *value > '9')
		return err_set(err, EINVAL, "--signal %s: there is no such signal; \"kill -l\" lists them", value);
	return value_number("signal", value, 1, 64, &k->sig, err);
}

static const struct opts kill_opts = {
	.usage = "kill [OPTIONS] NAME...",
	.about = "Ends running guests at once, as if their power were cut.",
	.table = table,
	.set = set_option,
};

static int send_signal(const char *name, int sig, struct r3_err *err)
{
	struct json_object *req = json_object_new_object();

	json_object_object_add(req, "op", json_object_new_string("kill"));
	json_object_object_add(req, "signal", json_object_new_int(sig));
	return state_tell(name, req, err);
}

int kill_main(int argc, char **argv)
{
	struct kill k = { 0 };
	int at, status = CLI_OK, ret;
	struct r3_err err;
	bool dashes;

	at = opts_parse(&kill_opts, argc, argv, &k, &dashes, &err);
	if (at >= 0 && at == argc)
		at = err_set(&err, EINVAL, "which guest? \"ring3 ps\" lists them: ring3 %s", kill_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	for (; at < argc; at++) {
		ret = k.sig ? send_signal(argv[at], k.sig, &err) : stopping_one(argv[at], 0, true, &err);
		if (ret < 0) {
			message("%s", err.msg);
			status = CLI_FAILED;
		}
	}
	return status;
}
