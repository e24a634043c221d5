// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "ring3 net capture": the switch writes into a pipe of ours, and never waits for
 * it; where it goes from there, file or another program, is our business.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "netswitch.h"
#include "netswitch_capture.h"

#define PIPE_BYTES	(1 << 20)

static int copy(int in, int out, struct r3_err *err)
{
	static char buffer[1 << 16];
	ssize_t n;
	int ret;

	for (;;) {
		n = read(in, buffer, sizeof(buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_set(err, errno, "cannot read the capture: %s", strerror(errno)) : 0;
		ret = write_full(out, buffer, n);
		if (ret)
			return ret == -EPIPE ? 0 : err_set(err, ret, "cannot write the capture: %s", strerror(-ret));
	}
}

int switch_capture(const char *name, const char *port, const char *file, struct r3_err *err)
{
	struct json_object *request, *reply;
	cleanup_close int out = -1, fd = -1;
	int p[2], ret;

	out = strcmp(file, "-") ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : dup(1);
	if (out < 0)
		return err_set(err, errno, "-w %s: %s", file, strerror(errno));
	if (isatty(out))
		return err_set(err, EINVAL, "a capture is no text for a terminal; give a file: -w FILE, or a pipe: -w - | wireshark -k -i -");
	if (pipe2(p, O_CLOEXEC))
		return err_set(err, errno, "no pipe: %s", strerror(errno));
	/* Room for bursts, as far as the host allows. */
	fcntl(p[1], F_SETPIPE_SZ, PIPE_BYTES);
	signal(SIGPIPE, SIG_IGN);
	request = json_object_new_object();
	json_object_object_add(request, "op", json_object_new_string("capture"));
	if (port)
		json_object_object_add(request, "port", json_object_new_string(port));
	fd = switch_ask(name, request, &p[1], 1, &reply, err);
	json_object_put(request);
	close(p[1]);
	if (fd < 0) {
		close(p[0]);
		return fd;
	}
	json_object_put(reply);
	ret = copy(p[0], out, err);
	close(p[0]);
	return ret;
}
