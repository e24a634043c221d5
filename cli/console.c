// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "hvc.h"
#include "message.h"
#include "opts.h"
#include "state.h"

static const struct opt table[] = {
	{ NULL }
};

static const struct opts console_opts = {
	.usage = "console NAME",
	.about = "Shows what the running guest NAME has written to its console, and connects this\n"
		 "terminal to it.",
	.table = table,
	.more = "Ctrl-] three times within a second leaves it again.",
};

static bool left;

static void leave(void *ctx)
{
	left = true;
}

static void on_signal(int sig)
{
	left = true;
}

/* Its end is a console like the one of `run --init`, over another descriptor. */
static int attach(int fd)
{
	static struct hvc hvc;
	struct sigaction sa = { .sa_handler = on_signal };
	struct loop loop = { 0 };
	int ret;

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	hvc.escaped = leave;
	hvc.unread = leave;
	hvc_init(&hvc, &loop);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	ret = hvc_attach(&hvc);
	hvc_start(&hvc, fd, -1);
	/* The watch goes away with the connection. */
	while (!ret && !left && hvc.watch.fd >= 0)
		ret = loop_step(&loop);
	hvc_free(&hvc);
	term_restore();
	return ret;
}

int console_main(int argc, char **argv)
{
	struct json_object *req, *reply;
	struct r3_err err;
	bool dashes;
	int at, fd;

	stdfd_sanitize();
	at = opts_parse(&console_opts, argc, argv, NULL, &dashes, &err);
	if (at >= 0 && at + 1 != argc)
		at = err_set(&err, EINVAL, "which guest? \"ring3 ps\" lists them: ring3 %s", console_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	req = json_object_new_object();
	json_object_object_add(req, "op", json_object_new_string("console"));
	fd = state_ask(argv[at], req, &reply, &err);
	json_object_put(req);
	if (fd < 0) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	json_object_put(reply);
	if (isatty(0))
		message("console of %s; Ctrl-] three times leaves it", argv[at]);
	return attach(fd) ? CLI_FAILED : CLI_OK;
}
