// SPDX-License-Identifier: GPL-2.0-or-later
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define DELAY_MAX_MS	10000.0
#define RATE_MIN	8000.0		/* bit/s */
#define RATE_MAX	100e9

static int number(struct json_object *o, const char *key, double max, double *value, struct r3_err *err)
{
	double v = json_object_get_double(o);

	if ((!json_object_is_type(o, json_type_double) && !json_object_is_type(o, json_type_int)) || !(v >= 0 && v <= max))
		return err_set(err, EINVAL, "%s has to be a number from 0 to %g", key, max);
	*value = v;
	return 0;
}

/* Return: 1 if the key is not one of a cable's. */
static int cable_key(struct cable_config *c, const char *key, struct json_object *o, struct r3_err *err)
{
	double v = 0;
	int ret;

	if (!strcmp(key, "delay_ms") || !strcmp(key, "jitter_ms")) {
		ret = number(o, key, DELAY_MAX_MS, &v, err);
		if (!ret)
			*(key[0] == 'd' ? &c->delay_ns : &c->jitter_ns) = v * 1e6;
		return ret;
	}
	if (!strcmp(key, "loss") || !strcmp(key, "duplicate")) {
		ret = number(o, key, 100, &v, err);
		if (!ret)
			*(key[0] == 'l' ? &c->loss : &c->duplicate) = v / 100;
		return ret;
	}
	if (!strcmp(key, "reorder")) {
		ret = number(o, key, 50, &v, err);
		if (!ret)
			c->reorder = v / 100;
		return ret;
	}
	if (!strcmp(key, "rate")) {
		ret = number(o, key, RATE_MAX, &v, err);
		if (!ret && v > 0 && v < RATE_MIN)
			return err_set(err, EINVAL, "a rate of %g bit/s is less than the smallest, %g", v, RATE_MIN);
		if (!ret)
			c->rate = v / 8;
		return ret;
	}
	return 1;
}

static int cable_object(struct cable_config *c, struct json_object *o, struct r3_err *err)
{
	int ret;

	if (!json_object_is_type(o, json_type_object))
		return err_set(err, EINVAL, "rx and tx have to be objects");
	json_object_object_foreach(o, key, value) {
		ret = cable_key(c, key, value, err);
		if (ret)
			return ret > 0 ? err_set(err, EINVAL, "a cable has no %.32s", key) : ret;
	}
	return 0;
}

static int parse_vlan(struct json_object *o, unsigned int *vlan, struct r3_err *err)
{
	double v = 0;
	int ret = number(o, "a VLAN", 4094, &v, err);

	if (!ret && (v < 1 || v != (unsigned int)v))
		return err_set(err, EINVAL, "a VLAN has to be a number from 1 to 4094");
	*vlan = v;
	return ret;
}

static int parse_trunk(struct vlan_rule *rule, struct json_object *o, struct r3_err *err)
{
	unsigned int vlan;
	size_t i;
	int ret;

	if (!json_object_is_type(o, json_type_array))
		return err_set(err, EINVAL, "trunk has to be an array of VLANs");
	rule->is_trunk = true;
	memset(rule->tagged, 0, sizeof(rule->tagged));
	for (i = 0; i < json_object_array_length(o); i++) {
		ret = parse_vlan(json_object_array_get_idx(o, i), &vlan, err);
		if (ret)
			return ret;
		rule->tagged[vlan / 8] |= 1 << vlan % 8;
	}
	return 0;
}

static int parse_name(char *name, struct json_object *o, struct r3_err *err)
{
	const char *text = json_object_get_string(o), *p;
	size_t len = text ? strlen(text) : 0;

	if (!json_object_is_type(o, json_type_string) || !len || len >= NAME_SIZE || !isalnum((unsigned char)text[0]))
		goto wrong;
	for (p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-:", *p))
			goto wrong;
	memcpy(name, text, len + 1);
	return 0;
wrong:
	return err_set(err, EINVAL, "a port's name is up to 63 letters, digits, dots, dashes and underscores, the first a letter or digit");
}

static int parse_mac(struct port_options *new, struct json_object *o, struct r3_err *err)
{
	const char *text = json_object_get_string(o);
	unsigned int b[6], i;
	int n = 0;

	if (!json_object_is_type(o, json_type_string) ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &n) != 6 || n != 17 || text[n] ||
	    b[0] & 1)
		return err_set(err, EINVAL, "mac has to be the address of one card, like 52:54:00:12:34:56");
	for (i = 0; i < 6; i++)
		new->mac[i] = b[i];
	new->has_mac = true;
	return 0;
}

static int join_key(struct port_options *new, const char *key, struct json_object *o, struct r3_err *err)
{
	if (!strcmp(key, "name"))
		return parse_name(new->name, o, err);
	if (!strcmp(key, "mac"))
		return parse_mac(new, o, err);
	if (!strcmp(key, "offload")) {
		new->offload = json_object_get_boolean(o);
		return 0;
	}
	return 1;
}

static int check_jitter(const struct cable_config *c, struct r3_err *err)
{
	if (c->jitter_ns <= c->delay_ns)
		return 0;
	return err_set(err, EINVAL, "a jitter of %g ms is more than the delay of %g ms: frames cannot come before they were sent",
		       c->jitter_ns / 1e6, c->delay_ns / 1e6);
}

int options_parse(struct port_options *o, struct json_object *json, bool join, struct r3_err *err)
{
	struct port_options new = *o;
	bool has_vlan = false, has_trunk = false;
	unsigned int vlan;
	int ret = 0;

	if (!json_object_is_type(json, json_type_object))
		return err_set(err, EINVAL, "options have to be an object");
	json_object_object_foreach(json, key, value) {
		if (!strcmp(key, "op") || !strcmp(key, "port") || !strcmp(key, "tap")) {
			ret = 0;
		} else if (!strcmp(key, "vlan")) {
			has_vlan = true;
			ret = parse_vlan(value, &vlan, err);
			new.rule.native = vlan;
		} else if (!strcmp(key, "trunk")) {
			has_trunk = true;
			ret = parse_trunk(&new.rule, value, err);
		} else if (!strcmp(key, "rx")) {
			ret = cable_object(&new.rx, value, err);
		} else if (!strcmp(key, "tx")) {
			ret = cable_object(&new.tx, value, err);
		} else {
			ret = cable_key(&new.rx, key, value, err);
			if (!ret)
				ret = cable_key(&new.tx, key, value, err);
			else if (ret > 0 && join)
				ret = join_key(&new, key, value, err);
		}
		if (ret)
			return ret > 0 ? err_set(err, EINVAL, "a port has no %.32s%s", key, join ? "" : " that could be changed") : ret;
	}
	/* vlan= alone is an access port; trunk= alone takes no frames without a tag. */
	if (has_vlan && !has_trunk)
		new.rule.is_trunk = false;
	if (has_trunk && !has_vlan)
		new.rule.native = 0;
	ret = check_jitter(&new.rx, err);
	if (!ret)
		ret = check_jitter(&new.tx, err);
	if (!ret)
		*o = new;
	return ret;
}

struct json_object *options_cable(const struct cable_config *c)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "delay_ms", json_object_new_double(c->delay_ns / 1e6));
	json_object_object_add(o, "jitter_ms", json_object_new_double(c->jitter_ns / 1e6));
	json_object_object_add(o, "loss", json_object_new_double(c->loss * 100));
	json_object_object_add(o, "duplicate", json_object_new_double(c->duplicate * 100));
	json_object_object_add(o, "reorder", json_object_new_double(c->reorder * 100));
	json_object_object_add(o, "rate", json_object_new_double(c->rate * 8));
	return o;
}

/* As people write it: "10+20-29". */
struct json_object *options_trunk(const struct vlan_rule *rule)
{
	char text[512] = "";
	unsigned int v, last;
	size_t n = 0;

	for (v = 1; v < 4095; v = last + 1) {
		last = v;
		if (!(rule->tagged[v / 8] & 1 << v % 8))
			continue;
		while (last + 1 < 4095 && rule->tagged[(last + 1) / 8] & 1 << (last + 1) % 8)
			last++;
		if (n > sizeof(text) - 16)
			return json_object_new_string(strcat(text, "+..."));
		n += last > v ? snprintf(text + n, sizeof(text) - n, "%s%u-%u", n ? "+" : "", v, last) :
		     snprintf(text + n, sizeof(text) - n, "%s%u", n ? "+" : "", v);
	}
	return json_object_new_string(text);
}
