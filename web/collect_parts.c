// SPDX-License-Identifier: GPL-2.0-or-later
#include "collect_parts.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

static struct json_object *member(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *v;

	return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &v) && json_object_is_type(v, type) ? v : NULL;
}

static struct json_object *cut(struct json_object *text)
{
	size_t len = json_object_get_string_len(text);

	return json_object_new_string_len(json_object_get_string(text), min_t(size_t, len, PARTS_TEXT));
}

void parts_text(struct json_object *to, const char *key, struct json_object *from, const char *from_key)
{
	struct json_object *v = member(from, from_key, json_type_string);

	if (v)
		json_object_object_add(to, key, cut(v));
}

static void texts(struct json_object *to, struct json_object *from, const char *const *keys)
{
	for (; *keys; keys++)
		parts_text(to, *keys, from, *keys);
}

static int64_t number_of(struct json_object *from, const char *key)
{
	struct json_object *v = member(from, key, json_type_int);

	return v ? json_object_get_int64(v) : 0;
}

static void numbers(struct json_object *to, struct json_object *from, const char *const *keys)
{
	for (; *keys; keys++)
		if (member(from, *keys, json_type_int))
			json_object_object_add(to, *keys, json_object_new_int64(number_of(from, *keys)));
}

static void text_list(struct json_object *to, struct json_object *from, const char *key)
{
	struct json_object *list = member(from, key, json_type_array), *o, *v;
	size_t i;

	if (!list)
		return;
	o = json_object_new_array();
	for (i = 0; i < json_object_array_length(list) && i < PARTS_LIST; i++) {
		v = json_object_array_get_idx(list, i);
		if (json_object_is_type(v, json_type_string))
			json_object_array_add(o, cut(v));
	}
	json_object_object_add(to, key, o);
}

/* ---- guests ---- */

static struct json_object *publish(struct json_object *list)
{
	static const char *const names[] = { "address", "proto", NULL }, *const ports[] = { "host", "guest", NULL };
	struct json_object *all = json_object_new_array(), *o;
	size_t i;

	for (i = 0; i < json_object_array_length(list) && i < PARTS_LIST; i++) {
		o = json_object_new_object();
		texts(o, json_object_array_get_idx(list, i), names);
		numbers(o, json_object_array_get_idx(list, i), ports);
		json_object_array_add(all, o);
	}
	return all;
}

static struct json_object *card(struct json_object *from)
{
	static const char *const names[] = { "net", "mac", "link", NULL }, *const sizes[] = { "mtu", NULL };
	struct json_object *o = json_object_new_object(), *list = member(from, "publish", json_type_array);
	const char *net = json_object_get_string(member(from, "net", json_type_string));

	texts(o, from, names);
	numbers(o, from, sizes);
	text_list(o, from, "addresses");
	if (list)
		json_object_object_add(o, "publish", publish(list));
	if (net && !strncmp(net, "switch:", 7))
		json_object_object_add(o, "switch", json_object_new_string_len(net + 7, min_t(size_t, strcspn(net + 7, ","), 63)));
	return o;
}

static struct json_object *cards(struct json_object *list)
{
	struct json_object *all = json_object_new_array();
	size_t i;

	for (i = 0; i < json_object_array_length(list) && i < PARTS_LIST; i++)
		json_object_array_add(all, card(json_object_array_get_idx(list, i)));
	return all;
}

void parts_guest(struct json_object *to, struct json_object *info)
{
	static const char *const words[] = { "state", "kernel", "root", "init", NULL };
	static const char *const sizes[] = { "pid", "mem", "mem_used", "cpus", "started", "restarts", NULL };
	struct json_object *v = member(info, "network", json_type_array);

	texts(to, info, words);
	numbers(to, info, sizes);
	text_list(to, info, "command");
	if (member(info, "background", json_type_boolean))
		json_object_object_add(to, "background", json_object_get(member(info, "background", json_type_boolean)));
	if (v)
		json_object_object_add(to, "cards", cards(v));
}

void parts_stats(struct json_object *to, struct json_object *stats)
{
	static const char *const sizes[] = { "uptime_ms", "spaces_ns", "main_ns", "backends_ns", "monitor_ns", "spaces", NULL };
	struct json_object *use = json_object_new_object(), *list = member(stats, "vcpu_ns", json_type_array), *dev, *kind;
	int64_t sum = 0, in[2] = { 0 }, out[2] = { 0 };
	size_t i;

	numbers(use, stats, sizes);
	for (i = 0; list && i < json_object_array_length(list); i++)
		sum += json_object_get_int64(json_object_array_get_idx(list, i));
	json_object_object_add(use, "vcpu_ns", json_object_new_int64(sum));
	list = member(stats, "devices", json_type_array);
	for (i = 0; list && i < json_object_array_length(list); i++) {
		dev = json_object_array_get_idx(list, i);
		kind = member(dev, "kind", json_type_string);
		if (kind && (!strcmp(json_object_get_string(kind), "blk") || !strcmp(json_object_get_string(kind), "net"))) {
			bool net = !strcmp(json_object_get_string(kind), "net");

			in[net] += number_of(dev, "in_bytes");
			out[net] += number_of(dev, "out_bytes");
		}
	}
	json_object_object_add(use, "disk_in", json_object_new_int64(in[0]));
	json_object_object_add(use, "disk_out", json_object_new_int64(out[0]));
	json_object_object_add(use, "net_in", json_object_new_int64(in[1]));
	json_object_object_add(use, "net_out", json_object_new_int64(out[1]));
	json_object_object_add(to, "use", use);
}

/* ---- switches ---- */

/* Numbers of an object, as cables and counters are. */
static struct json_object *counts(struct json_object *from)
{
	struct json_object *o = json_object_new_object();
	int left = PARTS_LIST;

	json_object_object_foreach(from, key, value) {
		if (strlen(key) > 32 || !left--)
			continue;
		if (json_object_is_type(value, json_type_int))
			json_object_object_add(o, key, json_object_new_int64(json_object_get_int64(value)));
		else if (json_object_is_type(value, json_type_double))
			json_object_object_add(o, key, json_object_new_double(json_object_get_double(value)));
	}
	return o;
}

static void add_counts(struct json_object *to, const char *key, struct json_object *from)
{
	struct json_object *v = member(from, key, json_type_object), *drops = member(v, "dropped", json_type_object), *o;

	if (!v)
		return;
	o = counts(v);
	if (drops)
		json_object_object_add(o, "dropped", counts(drops));
	json_object_object_add(to, key, o);
}

static struct json_object *port(struct json_object *from)
{
	static const char *const names[] = { "name", "mac", "trunk", NULL }, *const sizes[] = { "port", "vlan", NULL };
	struct json_object *o = json_object_new_object(), *cable = json_object_new_object(), *v = member(from, "stats", json_type_object);

	texts(o, from, names);
	numbers(o, from, sizes);
	if (member(from, "uplink", json_type_boolean))
		json_object_object_add(o, "uplink", json_object_get(member(from, "uplink", json_type_boolean)));
	add_counts(cable, "rx", from);
	add_counts(cable, "tx", from);
	json_object_object_add(o, "cable", cable);
	if (v) {
		add_counts(o, "rx", v);
		add_counts(o, "tx", v);
	}
	return o;
}

void parts_switch(struct json_object *to, struct json_object *sw)
{
	static const char *const sizes[] = { "pid", "mtu", "captures", NULL };
	struct json_object *list = member(sw, "ports", json_type_array), *ports = json_object_new_array();
	size_t i;

	numbers(to, sw, sizes);
	for (i = 0; list && i < json_object_array_length(list) && i < PARTS_PORTS; i++)
		json_object_array_add(ports, port(json_object_array_get_idx(list, i)));
	json_object_object_add(to, "ports", ports);
}

/* ---- labs ---- */

void parts_lab_machine(struct json_object *to, struct json_object *known)
{
	static const char *const names[] = { "network", NULL };
	struct json_object *list = member(known, "cards", json_type_array), *v = member(known, "good", json_type_boolean), *all, *o;
	size_t i;

	if (v)
		json_object_object_add(to, "good", json_object_get(v));
	if (!list)
		return;
	all = json_object_new_array();
	for (i = 0; i < json_object_array_length(list) && i < PARTS_LIST; i++) {
		o = json_object_new_object();
		texts(o, json_object_array_get_idx(list, i), names);
		text_list(o, json_object_array_get_idx(list, i), "addresses");
		json_object_array_add(all, o);
	}
	json_object_object_add(to, "lab_cards", all);
}
