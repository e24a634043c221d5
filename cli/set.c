// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 set */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "guestuse.h"
#include "loop.h"
#include "message.h"
#include "opts.h"
#include "state.h"
#include "values.h"

#define WAIT_MS		10000
#define STEP_US		20000

struct set {
	bool memory;
	uint64_t size;
};

static const struct opt table[] = {
	{ "memory", 'm', "SIZE", "Ask the guest to do with so much memory of what it was started with, and to give the rest back to this host; up to all of it. It stays so when the guest reboots." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct set *s = ctx;

	s->memory = true;
	return value_size("memory", value, &s->size, err);
}

static const struct opts set_opts = {
	.usage = "set [OPTIONS] NAME",
	.about = "Changes a running guest.",
	.table = table,
	.set = set_option,
};

/* What the guest NAME does with at the moment. */
static int given(const char *name, uint64_t *size, struct r3_err *err)
{
	struct json_object *stats = guestuse_ask(name, err);

	if (!stats)
		return -EIO;
	*size = guestuse_number(stats, "mem_given");
	json_object_put(stats);
	return 0;
}

static int set_memory(const char *name, uint64_t want, struct r3_err *err)
{
	struct json_object *req = json_object_new_object();
	int64_t until = loop_now() + WAIT_MS;
	uint64_t now = 0;
	int ret;

	json_object_object_add(req, "op", json_object_new_string("memory"));
	json_object_object_add(req, "size", json_object_new_int64(want));
	ret = state_tell(name, req, err);
	while (!ret && loop_now() < until) {
		ret = given(name, &now, err);
		/* It gives back as much as it can; for more than that the host does not wait. */
		if (!ret && now <= want + (1 << 20) && now + (1 << 20) >= want)
			return 0;
		usleep(STEP_US);
	}
	if (!ret)
		message("%s does with %" PRIu64 " MiB so far, and needs what is above %" PRIu64 " MiB itself: ask again when it has less to do", name, now >> 20, want >> 20);
	return ret;
}

int set_main(int argc, char **argv)
{
	struct set s = { 0 };
	struct r3_err err;
	bool dashes;
	int at = opts_parse(&set_opts, argc, argv, &s, &dashes, &err);

	if (at >= 0 && at != argc - 1)
		at = err_set(&err, EINVAL, at == argc ? "which guest? \"ring3 ps\" lists them: ring3 %s" : "one guest at a time: ring3 %s", set_opts.usage);
	if (at >= 0 && !s.memory)
		at = err_set(&err, EINVAL, "what is to change? ring3 set --memory SIZE %s", argv[at]);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	if (set_memory(argv[at], s.size, &err)) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	return CLI_OK;
}
