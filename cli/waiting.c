// SPDX-License-Identifier: GPL-2.0-or-later
#include "waiting.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "kept.h"
#include "loop.h"
#include "state.h"

#define SETTLE_MS	5000

static int status_of(struct json_object *o)
{
	struct json_object *status;

	return json_object_object_get_ex(o, "status", &status) ? json_object_get_int(status) & 0xff : CLI_HOST;
}

/* How it ended, if it has. */
static int ended(const char *name, bool *killed, struct r3_err *err)
{
	cleanup_close int dir = kept_find(name, err);
	int64_t until = loop_now() + SETTLE_MS;
	struct json_object *o;
	int status;

	if (dir < 0)
		return dir;
	/* Its socket may be gone a moment before its process is, or come a moment later. */
	while (!(o = kept_get(dir, KEPT_END)) && kept_is_taken(dir) && loop_now() < until)
		poll(NULL, 0, 10);
	if (!o && kept_is_taken(dir))
		return err_set(err, EAGAIN, "the guest %s is neither running nor ended; try again", name);
	if (!o) {
		*killed = true;
		return CLI_HOST;
	}
	status = status_of(o);
	json_object_put(o);
	return status;
}

static int wait_running(int fd, int64_t timeout_ms, struct r3_err *err)
{
	struct json_object *o;
	int ret = state_answer(fd, timeout_ms, &o, err), status;

	if (ret)
		return ret;
	status = status_of(o);
	json_object_put(o);
	return status;
}

int waiting_for(const char *name, int64_t timeout_ms, bool *killed, struct r3_err *err)
{
	struct json_object *req = json_object_new_object(), *reply;
	int fd, ret;

	*killed = false;
	json_object_object_add(req, "op", json_object_new_string("wait"));
	fd = state_ask(name, req, &reply, err);
	json_object_put(req);
	if (fd < 0)
		return fd == -ENOENT || fd == -ECONNRESET ? ended(name, killed, err) : fd;
	json_object_put(reply);
	ret = wait_running(fd, timeout_ms, err);
	close(fd);
	if (ret == -EAGAIN)
		return err_set(err, ETIMEDOUT, "the guest %s runs on", name);
	/* Its process was killed, or is ending just now. */
	return ret == -ECONNRESET ? ended(name, killed, err) : ret;
}
