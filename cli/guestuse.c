// SPDX-License-Identifier: GPL-2.0-or-later
#include "guestuse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "state.h"
#include "text.h"

uint64_t guestuse_number(struct json_object *o, const char *key)
{
	int64_t n = text_number(o, key);

	return n < 0 ? 0 : n;
}

const char *guestuse_kind(struct json_object *dev)
{
	struct json_object *v;

	return json_object_object_get_ex(dev, "kind", &v) && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
}

struct json_object *guestuse_list(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_array) ? v : NULL;
}

void guestuse_fill(struct guestuse *u, const char *name, struct json_object *o)
{
	struct json_object *list = guestuse_list(o, "vcpu_ns");
	size_t i;

	*u = (struct guestuse){ .at_ms = guestuse_number(o, "uptime_ms"), .user = guestuse_number(o, "spaces_ns"), .device = guestuse_number(o, "main_ns"),
			   .backend = guestuse_number(o, "backends_ns") + guestuse_number(o, "run_ns"), .mem = guestuse_number(o, "mem_given"), .mem_used = guestuse_number(o, "mem_used"),
			   .map = guestuse_number(o, "zygote_ns") + guestuse_number(o, "managers_ns"), .stopped = guestuse_number(o, "stopped_ns"),
			   .spaces = guestuse_number(o, "spaces") };
	snprintf(u->name, sizeof(u->name), "%s", name);
	for (i = 0; list && i < json_object_array_length(list); i++)
		u->kernel += json_object_get_int64(json_object_array_get_idx(list, i));
	list = guestuse_list(o, "devices");
	for (i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *dev = json_object_array_get_idx(list, i);
		const char *kind = guestuse_kind(dev);

		u->device += guestuse_number(dev, "cpu_ns");
		if (!strcmp(kind, "blk")) {
			u->disk_in += guestuse_number(dev, "in_bytes");
			u->disk_out += guestuse_number(dev, "out_bytes");
		} else if (!strcmp(kind, "net")) {
			u->net_in += guestuse_number(dev, "in_bytes");
			u->net_out += guestuse_number(dev, "out_bytes");
		}
	}
}

struct json_object *guestuse_ask(const char *name, struct r3_err *err)
{
	struct json_object *req = json_object_new_object(), *reply, *stats = NULL;
	int fd;

	json_object_object_add(req, "op", json_object_new_string("stats"));
	fd = state_ask(name, req, &reply, err);
	json_object_put(req);
	if (fd < 0)
		return NULL;
	close(fd);
	if (json_object_object_get_ex(reply, "stats", &stats))
		json_object_get(stats);
	else
		err_set(err, EPROTO, "the guest's answer makes no sense");
	json_object_put(reply);
	return stats;
}

void guestuse_bytes(char *text, size_t size, double n)
{
	static const char units[] = "BKMGTP";
	size_t i = 0;

	for (; n >= 1000 && i < sizeof(units) - 2; i++)
		n /= 1024;
	snprintf(text, size, i && n < 10 ? "%.1f%c" : "%.0f%c", n, units[i]);
}

int guestuse_names(char ***names, struct r3_err *err)
{
	cleanup_close int dir = state_dir(false, err);

	*names = NULL;
	return dir == -ENOENT ? 0 : dir < 0 ? dir : state_list(dir, names, err);
}

const struct guestuse *guestuse_find(const struct guestuse *list, int n, const char *name)
{
	int i;

	for (i = 0; i < n; i++)
		if (!strcmp(list[i].name, name))
			return &list[i];
	return NULL;
}
