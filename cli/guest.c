// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "ksym.h"
#include "state.h"

#define WAIT_MS		5000

static struct json_object *request(const char *op)
{
	struct json_object *req = json_object_new_object();

	json_object_object_add(req, "op", json_object_new_string(op));
	return req;
}

static bool is_set(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_get_boolean(v);
}

static void fill(struct guest *g, struct json_object *o)
{
	struct json_object *v;

	if (json_object_object_get_ex(o, "monitor", &v))
		g->monitor = json_object_get_int(v);
	if (json_object_object_get_ex(o, "kernel_file", &v) && json_object_is_type(v, json_type_string))
		snprintf(g->kernel, sizeof(g->kernel), "%s", json_object_get_string(v));
	g->paused = is_set(o, "paused");
	g->waits = is_set(o, "waits_for_debugger");
}

int guest_find(struct guest *g, const char *name, struct r3_err *err)
{
	struct json_object *req = request("info"), *reply, *o;
	int fd = state_ask(name, req, &reply, err);

	json_object_put(req);
	*g = (struct guest){ .name = name };
	if (fd < 0)
		return fd;
	close(fd);
	if (json_object_object_get_ex(reply, "guest", &o))
		fill(g, o);
	json_object_put(reply);
	if (g->monitor <= 1)
		return err_set(err, EAGAIN, "the guest %s does not run just now: it is ending, or starts anew", name);
	return 0;
}

int guest_ask(const char *name, const char *op, struct r3_err *err)
{
	return state_tell(name, request(op), err);
}

int guest_memory(const struct guest *g, struct vmem *m, char **symbols, struct r3_err *err)
{
	struct ksym k;
	int ret, tries;

	/* One that has just been started makes it. */
	for (tries = 0; (ret = vmem_open(m, g->monitor, g->name, err)) == -EAGAIN && tries < WAIT_MS / 10; tries++)
		usleep(10000);
	if (ret)
		return ret;
	*symbols = ksym_beside(g->kernel);
	ret = *symbols ? ksym_open(&k, *symbols, err) : err_set(err, ENOMEM, "no memory for symbols");
	if (ret)
		return ret;
	vmem_symbols(m, ksym_find(&k, "swapper_pg_dir"), ksym_find(&k, "r3_current_task"), ksym_find(&k, "r3_outside"));
	ksym_close(&k);
	return 0;
}
