// SPDX-License-Identifier: GPL-2.0-or-later
#include "netswitch_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "text.h"

static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, key, &v);
	return v;
}

static int64_t number(struct json_object *o, const char *key)
{
	return json_object_get_int64(member(o, key));
}

static const char *string(struct json_object *o, const char *key, const char *none)
{
	struct json_object *v = member(o, key);

	return v ? json_object_get_string(v) : none;
}

static size_t length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

/* The user's other programs could have made a switch's name or port what they like. */
static void print_word(const char *format, const char *text)
{
	char word[128];

	snprintf(word, sizeof(word), "%s", text);
	text_line(word);
	printf(format, word);
}

void switch_show_json(struct json_object *sw)
{
	cleanup_free char *text = text_json(sw);

	if (text)
		puts(text);
}

void switch_show_head(void)
{
	printf("%-16s %7s %5s %6s %s\n", "NAME", "PID", "MTU", "PORTS", "CAPTURES");
}

void switch_show(struct json_object *sw)
{
	print_word("%-16s ", string(sw, "name", ""));
	printf("%7" PRId64 " %5" PRId64 " %6zu %8" PRId64 "\n", number(sw, "pid"), number(sw, "mtu"), length(member(sw, "ports")),
	       number(sw, "captures"));
}

void switch_show_silent(const char *name)
{
	printf("%-16s %7s silent\n", name, "?");
}

/* What a cable does, as it would be set. */
static void cable_text(struct json_object *cable, char *text, size_t size)
{
	static const struct {
		const char *json, *name, *unit;
	} all[] = {
		{ "delay_ms", "delay", "ms" }, { "jitter_ms", "jitter", "ms" }, { "loss", "loss", "%" },
		{ "duplicate", "duplicate", "%" }, { "reorder", "reorder", "%" }, { "rate", "rate", "bit" },
	};
	size_t n = 0, i;

	text[0] = 0;
	for (i = 0; i < ARRAY_SIZE(all) && n < size; i++) {
		double v = json_object_get_double(member(cable, all[i].json));
		const char *unit = all[i].unit;

		if (!(v > 0))
			continue;
		if (!strcmp(unit, "bit")) {
			unit = v >= 1e9 ? "gbit" : v >= 1e6 ? "mbit" : "kbit";
			v /= v >= 1e9 ? 1e9 : v >= 1e6 ? 1e6 : 1e3;
		}
		n += snprintf(text + n, size - n, "%s%s=%g%s", n ? "," : "", all[i].name, v, unit);
	}
}

static void print_cables(struct json_object *port)
{
	char rx[256], tx[256];

	cable_text(member(port, "rx"), rx, sizeof(rx));
	cable_text(member(port, "tx"), tx, sizeof(tx));
	if (!strcmp(rx, tx))
		printf("%s", rx);
	else
		printf("rx: %s tx: %s", rx[0] ? rx : "-", tx[0] ? tx : "-");
}

void switch_show_ports(struct json_object *sw)
{
	struct json_object *ports = member(sw, "ports");
	size_t i;

	printf("%4s %-20s %-17s %5s %-12s %s\n", "PORT", "NAME", "MAC", "VLAN", "TRUNK", "CABLE");
	for (i = 0; i < length(ports); i++) {
		struct json_object *p = json_object_array_get_idx(ports, i);

		printf("%4" PRId64 " ", number(p, "port"));
		print_word("%-20s ", string(p, "name", ""));
		print_word("%-17s ", json_object_get_boolean(member(p, "uplink")) ? "(uplink)" : string(p, "mac", "-"));
		print_word("%5s ", string(p, "vlan", "-"));
		print_word("%-12s ", string(p, "trunk", "-"));
		print_cables(p);
		putchar('\n');
	}
}

static void print_direction(const char *name, const char *direction, struct json_object *o)
{
	struct json_object *drops = member(o, "dropped");

	print_word("%-20s ", name);
	printf("%-3s %12" PRId64 " %14" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRId64 " %9" PRId64 " ", direction, number(o, "packets"),
	       number(o, "bytes"), number(o, "lost"), number(o, "duplicated"), number(o, "reordered"), number(o, "cable_full"));
	if (json_object_is_type(drops, json_type_object)) {
		json_object_object_foreach(drops, key, value) {
			char text[64];

			snprintf(text, sizeof(text), "%.32s=%" PRId64, key, json_object_get_int64(value));
			print_word(" %s", text);
		}
	}
	putchar('\n');
}

void switch_show_stats(struct json_object *sw)
{
	struct json_object *ports = member(sw, "ports");
	size_t i;

	printf("%-20s %-3s %12s %14s %8s %8s %8s %9s  %s\n", "NAME", "", "PACKETS", "BYTES", "LOST", "DUPLIC.", "REORD.", "FULL", "DROPPED");
	for (i = 0; i < length(ports); i++) {
		struct json_object *p = json_object_array_get_idx(ports, i), *stats = member(p, "stats");

		print_direction(string(p, "name", ""), "rx", member(stats, "rx"));
		print_direction("", "tx", member(stats, "tx"));
	}
}
