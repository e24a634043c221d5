// SPDX-License-Identifier: GPL-2.0-or-later
#include "stopping.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "loop.h"
#include "state.h"

static int request(const char *name, bool force, struct r3_err *err)
{
	struct json_object *req = json_object_new_object(), *reply;
	int fd;

	json_object_object_add(req, "op", json_object_new_string("stop"));
	json_object_object_add(req, "force", json_object_new_boolean(force));
	fd = state_ask(name, req, &reply, err);
	json_object_put(req);
	if (fd >= 0)
		json_object_put(reply);
	return fd;
}

/* The connection ends with the guest. */
static bool wait_end(int fd, int64_t ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int64_t until = loop_now() + ms;
	char byte;

	while (ms >= 0) {
		if (poll(&pfd, 1, ms > 3600000 ? 3600000 : ms) > 0 && read(fd, &byte, 1) <= 0)
			return true;
		ms = until - loop_now();
	}
	return false;
}

int stopping_one(const char *name, int64_t timeout_ms, bool force, struct r3_err *err)
{
	int fd = request(name, force, err), second;
	bool ended;

	if (fd < 0)
		return fd;
	ended = wait_end(fd, force ? 10000 : timeout_ms);
	if (!ended && !force) {
		second = request(name, true, err);
		ended = wait_end(fd, 10000);
		if (second >= 0)
			close(second);
	}
	close(fd);
	if (!ended)
		return err_set(err, ETIMEDOUT, "the guest %s does not end; \"ring3 ps --json\" names its processes", name);
	return 0;
}
