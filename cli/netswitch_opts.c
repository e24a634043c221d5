// SPDX-License-Identifier: GPL-2.0-or-later
/* What users say of a port: text to values, values to JSON. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "netswitch_opts.h"

#define DELAY_MAX_MS	10000.0
#define RATE_MIN	8000.0
#define RATE_MAX	100e9

enum kind { TIME, PERCENT, HALF, RATE };

static const struct quality {
	const char *name, *json;
	enum kind kind;
	size_t at;
} qualities[] = {
	{ "delay", "delay_ms", TIME, offsetof(struct switch_cable, delay_ms) },
	{ "jitter", "jitter_ms", TIME, offsetof(struct switch_cable, jitter_ms) },
	{ "loss", "loss", PERCENT, offsetof(struct switch_cable, loss) },
	{ "duplicate", "duplicate", PERCENT, offsetof(struct switch_cable, duplicate) },
	{ "reorder", "reorder", HALF, offsetof(struct switch_cable, reorder) },
	{ "rate", "rate", RATE, offsetof(struct switch_cable, rate) },
};

static const struct unit {
	const char *name;
	double factor;
} times[] = { { "us", 0.001 }, { "ms", 1 }, { "s", 1000 } },
  percents[] = { { "%", 1 }, { "", 1 } },
  rates[] = { { "bit", 1 }, { "kbit", 1e3 }, { "mbit", 1e6 }, { "gbit", 1e9 }, { "k", 1e3 }, { "m", 1e6 }, { "g", 1e9 } };

static double *value_of(struct switch_cable *cable, const struct quality *q)
{
	return (double *)((char *)cable + q->at);
}

void switch_options_init(struct switch_port_options *opt)
{
	size_t i;

	*opt = (struct switch_port_options){ .offload = true };
	for (i = 0; i < ARRAY_SIZE(qualities); i++) {
		*value_of(&opt->rx, &qualities[i]) = -1;
		*value_of(&opt->tx, &qualities[i]) = -1;
	}
}

/* Digits and one of the units; 0 needs none. */
static int parse_value(const char *text, const struct unit *units, size_t n, double *value)
{
	char *end;
	double v;
	size_t i;

	if (!isdigit((unsigned char)text[text[0] == '.']) || text[1] == 'x' || text[1] == 'X')
		return -EINVAL;
	v = strtod(text, &end);
	if (!isfinite(v))
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (!strcasecmp(end, units[i].name)) {
			*value = v * units[i].factor;
			return 0;
		}
	if (*end || v != 0)
		return -EINVAL;
	*value = 0;
	return 0;
}

static int parse_quality(const char *what, const struct quality *q, const char *text, double *value, struct r3_err *err)
{
	double v = 0;

	switch (q->kind) {
	case TIME:
		if (parse_value(text, times, ARRAY_SIZE(times), &v) || v > DELAY_MAX_MS)
			return err_set(err, EINVAL, "%s: %s=%s: give a time up to 10s, like 20ms or 0.5s", what, q->name, text);
		break;
	case PERCENT:
		if (parse_value(text, percents, ARRAY_SIZE(percents), &v) || v > 100)
			return err_set(err, EINVAL, "%s: %s=%s: give a percentage from 0%% to 100%%", what, q->name, text);
		break;
	case HALF:
		if (parse_value(text, percents, ARRAY_SIZE(percents), &v) || v > 50)
			return err_set(err, EINVAL, "%s: %s=%s: give a percentage from 0%% to 50%%; where every other frame is overtaken by the next one, 50%% are out of order",
				       what, q->name, text);
		break;
	case RATE:
		if (parse_value(text, rates, ARRAY_SIZE(rates), &v) || v > RATE_MAX || (v > 0 && v < RATE_MIN))
			return err_set(err, EINVAL, "%s: %s=%s: give bits a second from 8kbit to 100gbit, like 10mbit; 0 is as fast as can be",
				       what, q->name, text);
		break;
	}
	*value = v;
	return 0;
}

static int parse_vlan(const char *text, const char **end, unsigned int *vlan)
{
	char *stop;
	unsigned long v;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	v = strtoul(text, &stop, 10);
	if (v < 1 || v > 4094)
		return -EINVAL;
	*vlan = v;
	*end = stop;
	return 0;
}

static int parse_trunk(const char *what, const char *text, struct switch_port_options *opt, struct r3_err *err)
{
	const char *p = text;
	unsigned int first, last;

	opt->is_trunk = true;
	memset(opt->trunk, 0, sizeof(opt->trunk));
	if (!strcmp(text, "all"))
		p = "1-4094";
	for (;;) {
		if (parse_vlan(p, &p, &first))
			goto wrong;
		last = first;
		if (*p == '-' && (parse_vlan(p + 1, &p, &last) || last < first))
			goto wrong;
		for (; first <= last; first++)
			opt->trunk[first / 8] |= 1 << first % 8;
		if (!*p)
			return 0;
		if (*p++ != '+')
			goto wrong;
	}
wrong:
	return err_set(err, EINVAL, "%s: trunk=%s: give VLANs from 1 to 4094, like 10+20+30-39, or all", what, text);
}

static int parse_mac(const char *what, const char *text, uint8_t *mac, struct r3_err *err)
{
	unsigned int b[6], i;
	int n = 0;

	if (strlen(text) != 17 || sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &n) != 6 ||
	    n != 17 || strspn(text, "0123456789abcdefABCDEF:") != 17 || (b[0] & 1) || !(b[0] | b[1] | b[2] | b[3] | b[4] | b[5]))
		return err_set(err, EINVAL, "%s: mac=%s: give the address of one card, like 52:54:00:12:34:56", what, text);
	for (i = 0; i < 6; i++)
		mac[i] = b[i];
	return 0;
}

static int parse_one(const char *what, char *word, struct switch_port_options *opt, struct r3_err *err)
{
	char *value = strchr(word, '=');
	const char *key = word, *end;
	bool rx = true, tx = true;
	size_t i;
	int ret;

	if (!value || value == word || !value[1])
		return err_set(err, EINVAL, "%s: %s: give NAME=VALUE, like delay=20ms", what, word);
	*value++ = 0;
	if (!strcmp(key, "vlan"))
		return parse_vlan(value, &end, &opt->vlan) || *end ?
		       err_set(err, EINVAL, "%s: vlan=%s: give a VLAN from 1 to 4094", what, value) : 0;
	if (!strcmp(key, "trunk"))
		return parse_trunk(what, value, opt, err);
	if (!strcmp(key, "mac"))
		return parse_mac(what, value, opt->mac, err);
	if (!strncmp(key, "rx.", 3) || !strncmp(key, "tx.", 3)) {
		rx = key[0] == 'r';
		tx = !rx;
		key += 3;
	}
	for (i = 0; i < ARRAY_SIZE(qualities); i++) {
		double v = 0;

		if (strcmp(key, qualities[i].name))
			continue;
		ret = parse_quality(what, &qualities[i], value, &v, err);
		if (!ret && rx)
			*value_of(&opt->rx, &qualities[i]) = v;
		if (!ret && tx)
			*value_of(&opt->tx, &qualities[i]) = v;
		return ret;
	}
	return err_set(err, EINVAL, "%s: %s is not known; a port has vlan, trunk, mac, delay, jitter, loss, duplicate, reorder and rate",
		       what, word);
}

int switch_parse_options(const char *what, const char *text, struct switch_port_options *opt, struct r3_err *err)
{
	cleanup_free char *copy = strdup(text);
	char *p = copy, *word;
	int ret;

	if (!copy)
		return err_set(err, ENOMEM, "%s: no memory", what);
	while (p) {
		word = strsep(&p, ",");
		ret = parse_one(what, word, opt, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- JSON ---- */

static void add(struct json_object *o, const char *key, struct json_object *value)
{
	json_object_object_add(o, key, value);
}

static struct json_object *cable_json(const struct switch_cable *cable)
{
	struct json_object *o = json_object_new_object();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(qualities); i++) {
		double v = *value_of((struct switch_cable *)cable, &qualities[i]);

		if (v >= 0)
			add(o, qualities[i].json, json_object_new_double(v));
	}
	return o;
}

struct json_object *switch_options_json(const struct switch_port_options *opt)
{
	static const uint8_t none[6];
	struct json_object *o = json_object_new_object(), *list;
	unsigned int i;
	char mac[18];

	if (!o)
		return NULL;
	if (opt->name[0])
		add(o, "name", json_object_new_string(opt->name));
	if (memcmp(opt->mac, none, 6)) {
		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", opt->mac[0], opt->mac[1], opt->mac[2],
			 opt->mac[3], opt->mac[4], opt->mac[5]);
		add(o, "mac", json_object_new_string(mac));
	}
	if (!opt->offload)
		add(o, "offload", json_object_new_boolean(false));
	if (opt->vlan)
		add(o, "vlan", json_object_new_int(opt->vlan));
	if (opt->is_trunk) {
		list = json_object_new_array();
		for (i = 0; i < SWITCH_VLANS; i++)
			if (opt->trunk[i / 8] & 1 << i % 8)
				json_object_array_add(list, json_object_new_int(i));
		add(o, "trunk", list);
	}
	add(o, "rx", cable_json(&opt->rx));
	add(o, "tx", cable_json(&opt->tx));
	return o;
}
