// SPDX-License-Identifier: GPL-2.0-or-later
/* `ring3 api`: the control protocol of a guest as it is, from stdin to stdout. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "message.h"
#include "opts.h"
#include "state.h"

static const struct opt table[] = {
	{ NULL }
};

static const struct opts api_opts = {
	.usage = "api NAME",
	.about = "Connects stdin and stdout to the control socket of the running guest NAME: a\n"
		 "line of JSON is a request, each answer and each event is one. docs/control.md\n"
		 "describes them.",
	.table = table,
};

/* Returns whether there may be more. */
static bool copy(int from, int to)
{
	char data[65536];
	ssize_t n = read(from, data, sizeof(data));

	if (n < 0)
		return errno == EINTR;
	return n > 0 && !write_full(to, data, n);
}

static int connect_both(int fd)
{
	struct pollfd pfd[2] = { { .fd = 0, .events = POLLIN }, { .fd = fd, .events = POLLIN } };

	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		if (poll(pfd, 2, -1) < 0 && errno != EINTR)
			return CLI_FAILED;
		/* What is asked stays in order with what is answered: answers first. */
		if (pfd[1].revents && !copy(fd, 1))
			return CLI_OK;
		if (pfd[0].revents && !copy(0, fd)) {
			pfd[0].fd = -1;
			shutdown(fd, SHUT_WR);
		}
	}
}

int api_main(int argc, char **argv)
{
	cleanup_close int dir = -1, fd = -1;
	struct r3_err err;
	bool dashes;
	int at;

	at = opts_parse(&api_opts, argc, argv, NULL, &dashes, &err);
	if (at >= 0 && at + 1 != argc)
		at = err_set(&err, EINVAL, "which guest? \"ring3 ps\" lists them: ring3 %s", api_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	fd = state_open(argv[at], &err);
	if (fd < 0) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	return connect_both(fd);
}
