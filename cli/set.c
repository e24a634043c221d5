// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 set */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "guestuse.h"
#include "guestlimits.h"
#include "loop.h"
#include "message.h"
#include "opts.h"
#include "state.h"
#include "values.h"

#define WAIT_MS		10000
#define CPUS_MS		30000
#define STEP_US		20000

struct set {
	bool memory, limited;
	uint64_t size;
	unsigned int cpus;		/* 0: as they are */
	struct limits limits;
	bool cpu, weight, pids;		/* which of those were given */
};

static const struct opt table[] = {
	{ "memory", 'm', "SIZE", "Ask the guest to do with so much memory of what it was started with, and to give the rest back to this host; up to all of it. It stays so when the guest reboots." },
	{ "cpus", 'c', "N", "Switch CPUs of the guest on or off, so that it has N, up to the max= of \"ring3 run --cpus\". It stays so when the guest reboots." },
	{ "cpu-limit", 0, "CPUS", "Processor time of this host that the guest and all that runs for it may use, in CPUs, as 1.5 or 150%; none: no bound." },
	{ "cpu-weight", 0, "N", "What the guest gets of busy CPUs beside others, 1 to 10000, where 100 is usual. To give more than before takes a right that root has." },
	{ "pids-limit", 0, "N", "Processes of this host that the guest and all that runs for it may have; none: no bound. The youngest of those above are killed." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct set *s = ctx;
	int ret;

	if (limits_option(&s->limits, o->name, value, &ret, err)) {
		*(!strcmp(o->name, "cpu-limit") ? &s->cpu : !strcmp(o->name, "cpu-weight") ? &s->weight : &s->pids) = true;
		s->limited = true;
		return ret;
	}
	if (o->letter == 'c')
		return value_number("cpus", value, 1, 64, &s->cpus, err);
	s->memory = true;
	return value_size("memory", value, &s->size, err);
}

static const struct opts set_opts = {
	.usage = "set [OPTIONS] NAME",
	.about = "Changes a running guest.",
	.table = table,
	.set = set_option,
};

static int set_limits(const char *name, const struct set *s, struct r3_err *err)
{
	struct json_object *req = json_object_new_object();

	json_object_object_add(req, "op", json_object_new_string("limits"));
	if (s->cpu)
		json_object_object_add(req, "cpus", json_object_new_double(s->limits.cpu / 100.0));
	if (s->weight)
		json_object_object_add(req, "weight", json_object_new_int(s->limits.weight));
	if (s->pids)
		json_object_object_add(req, "pids", json_object_new_int(s->limits.pids));
	return state_tell(name, req, err);
}

/* *pending: it is at it, and was asked in time for an answer. */
static int ask_cpus(const char *name, unsigned int cpus, bool *pending, struct r3_err *err)
{
	struct json_object *req = json_object_new_object(), *reply, *v;
	int fd;

	json_object_object_add(req, "op", json_object_new_string("cpus"));
	json_object_object_add(req, "cpus", json_object_new_int(cpus));
	fd = state_ask(name, req, &reply, err);
	json_object_put(req);
	if (fd < 0)
		return fd;
	close(fd);
	*pending = json_object_object_get_ex(reply, "pending", &v) && json_object_get_boolean(v);
	json_object_put(reply);
	return 0;
}

static int set_cpus(const char *name, unsigned int cpus, struct r3_err *err)
{
	int64_t until = loop_now() + CPUS_MS;
	bool pending = true;
	int ret = 0;

	while (!ret && pending && loop_now() < until)
		ret = ask_cpus(name, cpus, &pending, err);
	if (!ret && pending)
		ret = err_set(err, ETIMEDOUT, "the guest %s is still at switching its CPUs: ask again, or look at ring3 ps", name);
	return ret;
}

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
	if (at >= 0 && !s.memory && !s.limited && !s.cpus)
		at = err_set(&err, EINVAL, "what is to change? ring3 set --memory SIZE %s, or --cpus, or --cpu-limit, --cpu-weight, --pids-limit", argv[at]);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	if ((s.limited && set_limits(argv[at], &s, &err)) || (s.cpus && set_cpus(argv[at], s.cpus, &err)) ||
	    (s.memory && set_memory(argv[at], s.size, &err))) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	return CLI_OK;
}
