// SPDX-License-Identifier: GPL-2.0-or-later
#include "labread.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "netopt.h"
#include "opts.h"

struct lab_at labread_at(const struct ynode *node)
{
	return (struct lab_at){ node->line, node->column };
}

int labread_error(struct labread *r, const struct ynode *at, const char *fmt, ...)
{
	char text[800];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return lab_error(r->lab, labread_at(at), r->err, "%s%s%s", r->where, r->where[0] ? ": " : "", text);
}

/* ---- mappings ---- */

static int unknown_key(struct labread *r, const struct ynode *key, const struct labkey *keys)
{
	const char *best = NULL;
	int distance = 4;

	for (; keys->name; keys++) {
		int d = opts_distance(key->text, keys->name);

		if (keys->take && d < distance && d < (int)strlen(keys->name)) {
			distance = d;
			best = keys->name;
		}
	}
	if (best)
		return labread_error(r, key, "there is no key \"%.80s\" here; did you mean \"%s\"?", key->text, best);
	return labread_error(r, key, "there is no key \"%.80s\" here; docs/labs.md lists those that there are", key->text);
}

int labread_map(struct labread *r, struct ynode *map, const struct labkey *keys)
{
	unsigned int i;
	int ret = 0;

	if (ynode_is_null(map))
		return 0;
	if (map->kind != YAML_MAP)
		return labread_error(r, map, "keys and values are expected here");
	for (i = 0; !ret && i < map->nr; i += 2) {
		const struct ynode *key = map->child[i];
		const struct labkey *k = keys;

		if (!strncmp(key->text, "x-", 2))
			continue;
		while (k->name && strcmp(k->name, key->text))
			k++;
		if (!k->name)
			return unknown_key(r, key, keys);
		if (!k->take && k->unsupported)
			return labread_error(r, key, "%s: %s", k->name, k->unsupported);
		if (k->take)
			ret = k->take(r, map->child[i + 1]);
	}
	return ret;
}

/* ---- words ---- */

int labread_text(struct labread *r, struct ynode *node, const char *what, char **text)
{
	if (node->kind != YAML_SCALAR || ynode_is_null(node))
		return labread_error(r, node, "%s: a text is expected here", what);
	if (strchr(node->text, '\n'))
		return labread_error(r, node, "%s: this is more than one line", what);
	*text = lab_text(r->lab, node->text, r->err);
	return *text ? 0 : r->err->code;
}

int labread_bool(struct labread *r, struct ynode *node, const char *what, bool *value)
{
	static const char *const yes[] = { "true", "yes", "on" }, *const no[] = { "false", "no", "off" };
	size_t i;

	for (i = 0; node->kind == YAML_SCALAR && i < ARRAY_SIZE(yes); i++) {
		if (!strcasecmp(node->text, yes[i]) || !strcasecmp(node->text, no[i])) {
			*value = !strcasecmp(node->text, yes[i]);
			return 0;
		}
	}
	return labread_error(r, node, "%s: say true or false", what);
}

int labread_time(struct labread *r, struct ynode *node, const char *what, int64_t *ms)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = { { "ms", 1 }, { "us", 0.001 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	const char *p = node->kind == YAML_SCALAR ? node->text : "";
	double total = 0;
	size_t i;

	/* "1m30s". */
	while (isdigit((unsigned char)*p)) {
		char *end;
		double n = strtod(p, &end);

		for (i = 0; i < ARRAY_SIZE(units); i++) {
			size_t len = strlen(units[i].name);

			if (!strncmp(end, units[i].name, len) && !isalpha((unsigned char)end[len]))
				break;
		}
		if (i == ARRAY_SIZE(units) && *end)
			break;
		total += n * (i == ARRAY_SIZE(units) ? 1000 : units[i].ms);
		p = i == ARRAY_SIZE(units) ? end : end + strlen(units[i].name);
	}
	if (p == node->text || node->kind != YAML_SCALAR || *p || !(total >= 0) || total > 86400e3)
		return labread_error(r, node, "%s: give a time like 500ms, 10s or 1m30s, up to a day", what);
	*ms = (int64_t)total;
	return 0;
}

int labread_mem(struct labread *r, struct ynode *node, const char *what, char **mem)
{
	char *text = lab_text(r->lab, node->kind == YAML_SCALAR ? node->text : "", r->err);
	uint64_t size;
	size_t n;

	if (!text)
		return r->err->code;
	/* "512mb" and "1000000b", too. */
	n = strlen(text);
	if (n > 1 && (text[n - 1] == 'b' || text[n - 1] == 'B'))
		text[n - 1] = 0;
	if (parse_size(text, &size))
		return labread_error(r, node, "%s: give a size like 512M or 2G", what);
	*mem = text;
	return 0;
}

int labread_cpus(struct labread *r, struct ynode *node, const char *what, char **cpus)
{
	char *end = NULL;
	double n = node->kind == YAML_SCALAR && isdigit((unsigned char)*node->text) ? strtod(node->text, &end) : 0;

	if (!end || *end || !(n > 0) || !(n <= 64))
		return labread_error(r, node, "%s: give a number of CPUs from 1 to 64", what);
	*cpus = lab_textf(r->lab, r->err, "%d", (int)ceil(n));
	return *cpus ? 0 : r->err->code;
}

int labread_count(struct labread *r, struct ynode *node, const char *what, unsigned int min, unsigned int max, char **count)
{
	char *end = NULL;
	unsigned long n = node->kind == YAML_SCALAR && isdigit((unsigned char)*node->text) ? strtoul(node->text, &end, 10) : 0;

	if (!end || *end || n < min || n > max)
		return labread_error(r, node, "%s: give a number from %u to %u", what, min, max);
	*count = lab_textf(r->lab, r->err, "%lu", n);
	return *count ? 0 : r->err->code;
}

/* ---- lists ---- */

int labread_list(struct labread *r, struct ynode *node, const char *what, struct lab_list *list)
{
	unsigned int i;
	int ret = 0;

	if (ynode_is_null(node))
		return 0;
	if (node->kind == YAML_SCALAR)
		return lab_add(r->lab, list, node->text, r->err);
	if (node->kind != YAML_LIST)
		return labread_error(r, node, "%s: a list is expected here", what);
	for (i = 0; !ret && i < node->nr; i++) {
		if (node->child[i]->kind != YAML_SCALAR)
			return labread_error(r, node->child[i], "%s: a list of words is expected here", what);
		ret = lab_add(r->lab, list, node->child[i]->text, r->err);
	}
	return ret;
}

static int add_pair(struct labread *r, const struct ynode *at, const char *what, const char *name, const char *value,
		    struct lab_list *list)
{
	char *pair;

	if (!*name || strchr(name, '='))
		return labread_error(r, at, "%s: \"%.80s\" cannot be a name", what, name);
	if (!value)
		value = getenv(name);
	if (!value)
		return 0;
	pair = lab_textf(r->lab, r->err, "%s=%s", name, value);
	return pair ? lab_add(r->lab, list, pair, r->err) : r->err->code;
}

int labread_pairs(struct labread *r, struct ynode *node, const char *what, struct lab_list *list)
{
	unsigned int i;
	int ret = 0;

	if (ynode_is_null(node))
		return 0;
	if (node->kind == YAML_SCALAR)
		return labread_error(r, node, "%s: NAME: VALUE pairs, or a list of NAME=VALUE, are expected here", what);
	for (i = 0; !ret && i < node->nr; i += node->kind == YAML_MAP ? 2 : 1) {
		struct ynode *item = node->child[node->kind == YAML_MAP ? i + 1 : i];

		if (item->kind != YAML_SCALAR)
			return labread_error(r, item, "%s: a text is expected here", what);
		if (node->kind == YAML_MAP)
			ret = add_pair(r, item, what, node->child[i]->text, ynode_is_null(item) ? NULL : item->text, list);
		else if (strchr(item->text, '='))
			ret = *item->text == '=' ? labread_error(r, item, "%s: give NAME=VALUE", what) :
			      lab_add(r->lab, list, item->text, r->err);
		else
			ret = add_pair(r, item, what, item->text, NULL, list);
	}
	return ret;
}

int labread_command(struct labread *r, struct ynode *node, const char *what, struct lab_list *list)
{
	int ret;

	if (ynode_is_null(node))
		return 0;
	if (node->kind != YAML_SCALAR)
		return labread_list(r, node, what, list);
	ret = lab_add(r->lab, list, "sh", r->err);
	if (!ret)
		ret = lab_add(r->lab, list, "-c", r->err);
	return ret ? ret : lab_add(r->lab, list, node->text, r->err);
}

static int add_script(struct labread *r, const struct ynode *item, const char *what, struct lab_list *list)
{
	if (item->kind == YAML_MAP && ynode_get(item, "command"))
		item = ynode_get(item, "command");
	if (item->kind != YAML_SCALAR)
		return labread_error(r, item, "%s: a command for a shell is expected here", what);
	return lab_add(r->lab, list, item->text, r->err);
}

int labread_scripts(struct labread *r, struct ynode *node, const char *what, struct lab_list *list)
{
	unsigned int i;
	int ret = 0;

	if (ynode_is_null(node))
		return 0;
	if (node->kind != YAML_LIST)
		return add_script(r, node, what, list);
	for (i = 0; !ret && i < node->nr; i++)
		ret = add_script(r, node->child[i], what, list);
	return ret;
}

/* ---- volumes, ports, images ---- */

int labread_volume(struct labread *r, struct ynode *node, const char *what)
{
	char *copy, *host, *guest, *mode, *path, *share;
	struct stat st;

	if (node->kind != YAML_SCALAR)
		return labread_error(r, node, "%s: write HOST:GUEST or HOST:GUEST:ro", what);
	copy = lab_text(r->lab, node->text, r->err);
	if (!copy)
		return r->err->code;
	host = strsep(&copy, ":");
	guest = strsep(&copy, ":");
	mode = strsep(&copy, ":");
	if (!guest || copy || !*host || *guest != '/' || (mode && strcmp(mode, "ro") && strcmp(mode, "rw") && strcmp(mode, "z") && strcmp(mode, "Z")))
		return labread_error(r, node, "%s: %.100s: write HOST:GUEST or HOST:GUEST:ro, GUEST from / on", what, node->text);
	if (!strpbrk(host, "/.") && host[0] != '~')
		return labread_error(r, node, "%s: %.100s: there are no named volumes; name a folder of this host, as ./%s", what, node->text, host);
	path = lab_path(r->lab, host, r->err);
	if (!path)
		return r->err->code;
	if (stat(path, &st) < 0)
		return labread_error(r, node, "%s: %s: %s", what, path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return lab_add_copy(r->lab, r->m, path, guest, r->err);
	if (strpbrk(path, ":,") || strchr(guest, ','))
		return labread_error(r, node, "%s: %s: a shared folder's path has neither : nor ,", what, path);
	share = lab_textf(r->lab, r->err, "%s:%s%s", path, guest, mode && !strcmp(mode, "ro") ? ":ro" : "");
	return share ? lab_add(r->lab, &r->m->share, share, r->err) : r->err->code;
}

int labread_port(struct labread *r, struct ynode *node, const char *what)
{
	struct netopt_ports ports;
	struct r3_err why;
	char *text;

	if (node->kind != YAML_SCALAR)
		return labread_error(r, node, "%s: write HOST:GUEST, as 8080:80", what);
	/* A guest's port alone is led to from a free one. */
	text = strchr(node->text, ':') ? lab_text(r->lab, node->text, r->err) : lab_textf(r->lab, r->err, "0:%s", node->text);
	if (!text)
		return r->err->code;
	if (netopt_parse_ports(&ports, text, &why))
		return labread_error(r, node, "%s: %s", what, why.msg);
	return lab_add(r->lab, &r->m->publish, text, r->err);
}

int labread_image(struct labread *r, struct ynode *node, const char *what)
{
	static const char *const kinds[] = { "oci:", "docker-archive:", "tar:" };
	char *text, *path;
	size_t i;
	int ret = labread_text(r, node, what, &text);

	if (ret)
		return ret;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i]);

		if (strncmp(text, kinds[i], n))
			continue;
		path = lab_path(r->lab, text + n, r->err);
		r->m->root = path ? lab_textf(r->lab, r->err, "%s%s", kinds[i], path) : NULL;
		return r->m->root ? 0 : r->err->code;
	}
	if (text[0] == '/' || text[0] == '.' || text[0] == '~' || !strcmp(what, "root")) {
		r->m->root = lab_path(r->lab, text, r->err);
		return r->m->root ? 0 : r->err->code;
	}
	r->m->image = text;
	return 0;
}

int labread_each(struct labread *r, struct ynode *v, const char *what,
		 int (*take)(struct labread *r, struct ynode *node, const char *what))
{
	unsigned int i;
	int ret = 0;

	if (ynode_is_null(v))
		return 0;
	if (v->kind != YAML_LIST)
		return labread_error(r, v, "%s: a list is expected here", what);
	for (i = 0; !ret && i < v->nr; i++)
		ret = take(r, v->child[i], what);
	return ret;
}
