// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lab.conf is lines of DEVICE[ARGUMENT]=VALUE, where an argument is the number of an
 * interface or the name of an option, and of LAB_...=VALUE. As kathara-lab.conf(5) and
 * kathara-lab.dep(5) have it.
 */
#include "labkathara.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "netopt.h"
#include "opts.h"

/* A machine with a kernel of its own needs more than a container. */
#define MEM_MIN		(128ull << 20)
#define DEFAULT_SHELL	"bash"

struct conf {
	struct lab *lab;
	struct lab_machine *m;
	struct lab_at at;
	struct r3_err *err;
};

/* ---- options ---- */

static int say_bool(struct conf *c, const char *option, const char *value, bool *yes)
{
	*yes = !strcasecmp(value, "true") || !strcasecmp(value, "yes") || !strcasecmp(value, "y") || !strcmp(value, "1");
	if (*yes || !strcasecmp(value, "false") || !strcasecmp(value, "no") || !strcasecmp(value, "n") || !strcmp(value, "0"))
		return 0;
	return lab_error(c->lab, c->at, c->err, "%s[%s]: say true or false", c->m->name, option);
}

static int set_text(struct conf *c, char **text, const char *value)
{
	*text = lab_text(c->lab, value, c->err);
	return *text ? 0 : c->err->code;
}

static int take_image(struct conf *c, const char *value)
{
	return set_text(c, &c->m->image, value);
}

static int take_mem(struct conf *c, const char *value)
{
	uint64_t size;

	if (parse_size(value, &size) || !size)
		return lab_error(c->lab, c->at, c->err, "%s[mem]: give a size like 256m or 1g", c->m->name);
	c->m->mem = lab_textf(c->lab, c->err, "%llu", (unsigned long long)(size < MEM_MIN ? MEM_MIN : size));
	return c->m->mem ? 0 : c->err->code;
}

static int take_cpus(struct conf *c, const char *value)
{
	char *end;
	double n = strtod(value, &end);

	if (!isdigit((unsigned char)*value) || *end || !(n > 0) || !(n <= 64))
		return lab_error(c->lab, c->at, c->err, "%s[cpus]: give a number of CPUs up to 64", c->m->name);
	c->m->cpus = lab_textf(c->lab, c->err, "%d", (int)ceil(n));
	return c->m->cpus ? 0 : c->err->code;
}

static int take_port(struct conf *c, const char *value)
{
	struct netopt_ports ports;
	struct r3_err why;
	char *text = strchr(value, ':') ? lab_text(c->lab, value, c->err) : lab_textf(c->lab, c->err, "3000:%s", value);

	if (!text)
		return c->err->code;
	if (netopt_parse_ports(&ports, text, &why))
		return lab_error(c->lab, c->at, c->err, "%s[port]: %s: give [HOST:]GUEST[/tcp|/udp], as 8080:80", c->m->name, value);
	return lab_add(c->lab, &c->m->publish, text, c->err);
}

static int take_bridged(struct conf *c, const char *value)
{
	bool yes;
	int ret = say_bool(c, "bridged", value, &yes);

	/* Said twice is said once. */
	if (ret || !yes || (c->m->nr_cards && c->m->card[0].network < 0))
		return ret;
	if (!lab_add_card(c->lab, c->m, -1, c->at, c->err))
		return c->err->code;
	/* Kept as the first until all others are known: it is the last in the end. */
	memmove(&c->m->card[1], &c->m->card[0], (c->m->nr_cards - 1) * sizeof(c->m->card[0]));
	c->m->card[0] = (struct lab_card){ .network = -1, .number = -1, .at = c->at };
	return 0;
}

static int take_ipv6(struct conf *c, const char *value)
{
	bool yes;
	int ret = say_bool(c, "ipv6", value, &yes);

	c->m->no_ipv6 = !yes;
	return ret;
}

static int take_exec(struct conf *c, const char *value)
{
	return lab_add(c->lab, &c->m->startup, value, c->err);
}

static int take_sysctl(struct conf *c, const char *value)
{
	if (strncmp(value, "net.", 4) || !strchr(value, '='))
		return lab_error(c->lab, c->at, c->err, "%s[sysctl]: give NAME=VALUE, a name below net.", c->m->name);
	return lab_add(c->lab, &c->m->sysctl, value, c->err);
}

static int take_env(struct conf *c, const char *value)
{
	if (!strchr(value, '=') || *value == '=')
		return lab_error(c->lab, c->at, c->err, "%s[env]: give NAME=VALUE", c->m->name);
	return lab_add(c->lab, &c->m->env, value, c->err);
}

static int take_shell(struct conf *c, const char *value)
{
	return set_text(c, &c->m->shell, value);
}

static int take_entrypoint(struct conf *c, const char *value)
{
	return set_text(c, &c->m->entrypoint, value);
}

/* Words at spaces, for the entrypoint. */
static int take_args(struct conf *c, const char *value)
{
	char *copy = lab_text(c->lab, value, c->err), *word;
	int ret = copy ? 0 : c->err->code;

	while (!ret && (word = strsep(&copy, " ")))
		if (*word)
			ret = lab_add(c->lab, &c->m->command, word, c->err);
	return ret;
}

/* HOST|GUEST|MODE */
static int take_volume(struct conf *c, const char *value)
{
	char *copy = lab_text(c->lab, value, c->err), *host, *guest, *path, *share;

	if (!copy)
		return c->err->code;
	host = strsep(&copy, "|");
	guest = strsep(&copy, "|");
	if (!guest || *guest != '/' || !*host || strpbrk(host, ":,") || strpbrk(guest, ":,"))
		return lab_error(c->lab, c->at, c->err, "%s[volume]: give HOST|GUEST or HOST|GUEST|ro, GUEST from / on", c->m->name);
	path = lab_path(c->lab, host, c->err);
	share = path ? lab_textf(c->lab, c->err, "%s:%s%s", path, guest, copy && !strcmp(copy, "ro") ? ":ro" : "") : NULL;
	return share ? lab_add(c->lab, &c->m->share, share, c->err) : c->err->code;
}

/* How many terminals are opened, and what is said of a container only. */
static int take_nothing(struct conf *c, const char *value)
{
	return 0;
}

static const struct {
	const char *name;
	int (*take)(struct conf *c, const char *value);
} options[] = {
	{ "image", take_image }, { "mem", take_mem }, { "cpus", take_cpus }, { "port", take_port },
	{ "bridged", take_bridged }, { "ipv6", take_ipv6 }, { "exec", take_exec }, { "sysctl", take_sysctl },
	{ "env", take_env }, { "shell", take_shell }, { "entrypoint", take_entrypoint }, { "args", take_args },
	{ "volume", take_volume }, { "num_terms", take_nothing }, { "ulimit", take_nothing },
	{ "privileged", take_nothing }, { "hosthome", take_nothing },
};

/* ---- interfaces ---- */

static int take_interface(struct conf *c, const char *argument, const char *value)
{
	char *copy = lab_text(c->lab, value, c->err), *domain;
	struct lab_card *card;
	int network, ret;

	if (!copy)
		return c->err->code;
	if (strlen(argument) > 3 || atoi(argument) >= LAB_MAX_CARDS)
		return lab_error(c->lab, c->at, c->err, "%s[%.20s]: a guest has interfaces eth0 to eth%d", c->m->name, argument, LAB_MAX_CARDS - 1);
	domain = strsep(&copy, "/");
	if (!lab_part_ok(domain) || strchr(domain, '.'))
		return lab_error(c->lab, c->at, c->err, "%s[%s]: \"%.60s\" cannot be the name of a collision domain: that is letters, digits, dashes and underscores",
				 c->m->name, argument, domain);
	network = lab_add_network(c->lab, domain, c->at, c->err);
	card = network < 0 ? NULL : lab_add_card(c->lab, c->m, network, c->at, c->err);
	if (!card)
		return c->err->code;
	card->number = atoi(argument);
	ret = copy ? set_text(c, &card->mac, copy) : 0;
	return ret;
}

/* ---- lines ---- */

static char *trim(char *text)
{
	size_t n;

	while (isspace((unsigned char)*text))
		text++;
	for (n = strlen(text); n && isspace((unsigned char)text[n - 1]); n--)
		text[n - 1] = 0;
	return text;
}

/* Without quotes, and without a comment behind. NULL: a quote is missing. */
static char *value_of(char *text)
{
	char *end, quote;

	text = trim(text);
	if (*text != '"' && *text != '\'') {
		end = strchr(text, '#');
		if (end && (end == text || isspace((unsigned char)end[-1])))
			*end = 0;
		return trim(text);
	}
	quote = *text++;
	/* The last one: commands have quotes inside. */
	end = strrchr(text, quote);
	if (!end || (end[1] && *trim(end + 1) && *trim(end + 1) != '#')) {
		/* "..." # it's a comment */
		end = strchr(text, quote);
		if (!end || (*trim(end + 1) && *trim(end + 1) != '#'))
			return NULL;
	}
	*end = 0;
	return text;
}

/* As Kathara sets them for each device: labs of routers rely on it. */
static int set_defaults(struct conf *c)
{
	static const char *const sysctls[] = {
		"net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0", "net.ipv4.conf.all.rp_filter=0",
		"net.ipv4.conf.default.rp_filter=0", "net.ipv4.conf.lo.rp_filter=0", "net.ipv6.conf.all.forwarding=1",
	};
	size_t i;
	int ret = 0;

	c->m->no_ipv6 = true;
	c->m->systemctl = true;
	for (i = 0; !ret && i < ARRAY_SIZE(sysctls); i++)
		ret = lab_add(c->lab, &c->m->sysctl, sysctls[i], c->err);
	return ret ? ret : set_text(c, &c->m->shell, DEFAULT_SHELL);
}

static int unknown_option(struct conf *c, const char *option)
{
	const char *best = NULL;
	int distance = 4;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		int d = opts_distance(option, options[i].name);

		if (d < distance && d < (int)strlen(options[i].name)) {
			distance = d;
			best = options[i].name;
		}
	}
	if (best)
		return lab_error(c->lab, c->at, c->err, "%s[%.40s]: there is no such option; did you mean \"%s\"?", c->m->name, option, best);
	return lab_error(c->lab, c->at, c->err, "%s[%.40s]: there is no such option; docs/labs.md lists those that there are", c->m->name, option);
}

static int take_option(struct conf *c, const char *argument, const char *value)
{
	size_t i;

	if (*argument && strspn(argument, "0123456789") == strlen(argument))
		return take_interface(c, argument, value);
	for (i = 0; i < ARRAY_SIZE(options); i++)
		if (!strcmp(options[i].name, argument))
			return options[i].take(c, value);
	return unknown_option(c, argument);
}

static int take_meta(struct conf *c, const char *name, const char *value)
{
	static const char *const known[] = { "LAB_NAME", "LAB_DESCRIPTION", "LAB_VERSION", "LAB_AUTHOR", "LAB_EMAIL", "LAB_WEB" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(name, known[i]))
			continue;
		if (i > 1 || (i && c->lab->title))
			return 0;
		return set_text(c, &c->lab->title, value);
	}
	/* Other LAB_ words are the author's own. */
	if (!strncmp(name, "LAB_", 4))
		return 0;
	return lab_error(c->lab, c->at, c->err, "\"%.60s\": write DEVICE[OPTION]=VALUE or LAB_NAME=TEXT", name);
}

static int take_line(struct conf *c, char *line)
{
	char *equals, *name, *argument = NULL, *value;
	int ret;

	line = trim(line);
	if (!*line || *line == '#')
		return 0;
	equals = strchr(line, '=');
	if (!equals)
		return lab_error(c->lab, c->at, c->err, "\"%.60s\": write DEVICE[OPTION]=VALUE, or # before a comment", line);
	*equals = 0;
	name = trim(line);
	value = value_of(equals + 1);
	if (!value)
		return lab_error(c->lab, c->at, c->err, "%.60s: a quote is missing", name);
	if (name[strcspn(name, "[")]) {
		argument = strchr(name, '[');
		if (argument[strlen(argument) - 1] != ']')
			return lab_error(c->lab, c->at, c->err, "\"%.60s\": write DEVICE[OPTION]=VALUE", name);
		*argument++ = 0;
		argument[strlen(argument) - 1] = 0;
		argument = trim(argument);
		name = trim(name);
	}
	if (!argument)
		return take_meta(c, name, value);
	if (!strcmp(name, "shared"))
		return lab_error(c->lab, c->at, c->err, "a device cannot be called shared, which is the folder of all");
	if (!lab_part_ok(name))
		return lab_error(c->lab, c->at, c->err, "\"%.60s\" cannot be the name of a device: that is letters, digits, dots, dashes and underscores, the first a letter or digit",
				 name);
	c->m = lab_find_machine(c->lab, name);
	if (!c->m) {
		c->m = lab_add_machine(c->lab, name, c->at, c->err);
		ret = c->m ? set_defaults(c) : c->err->code;
		if (ret)
			return ret;
	}
	return take_option(c, argument, value);
}

/* The NAT's card is behind all others. */
static void nat_last(struct lab_machine *m)
{
	struct lab_card nat;
	unsigned int i;

	if (!m->nr_cards || m->card[0].network >= 0)
		return;
	nat = m->card[0];
	memmove(&m->card[0], &m->card[1], (m->nr_cards - 1) * sizeof(m->card[0]));
	nat.number = 0;
	for (i = 0; i + 1 < m->nr_cards; i++)
		if (m->card[i].number >= nat.number)
			nat.number = m->card[i].number + 1;
	m->card[m->nr_cards - 1] = nat;
}

int labkathara_conf(struct lab *lab, const char *text, struct r3_err *err)
{
	struct conf c = { .lab = lab, .err = err };
	cleanup_free char *copy = strdup(text);
	char *rest = copy, *line;
	unsigned int i;
	int ret = 0;

	if (!copy)
		return err_set(err, ENOMEM, "no memory for %s", lab->file);
	while (!ret && (line = strsep(&rest, "\n"))) {
		c.at.line++;
		ret = take_line(&c, line);
	}
	for (i = 0; !ret && i < lab->nr_machines; i++)
		nat_last(&lab->machine[i]);
	return ret;
}

int labkathara_dep(struct lab *lab, const char *text, struct r3_err *err)
{
	cleanup_free char *copy = strdup(text);
	char *rest = copy, *line, *word, *words;
	struct lab_machine *m;
	int ret = 0;

	if (!copy)
		return err_set(err, ENOMEM, "no memory for lab.dep");
	while (!ret && (line = strsep(&rest, "\n"))) {
		line = trim(line);
		if (!*line || *line == '#')
			continue;
		words = line;
		word = trim(strsep(&words, ":"));
		if (!words)
			return err_set(err, EINVAL, "lab.dep: \"%.60s\": write DEVICE: DEVICE...", line);
		m = lab_find_machine(lab, word);
		if (!m)
			return err_set(err, EINVAL, "lab.dep: there is no device \"%.60s\" in lab.conf", word);
		while (!ret && (word = strsep(&words, " \t")))
			if (*word)
				ret = lab_add_dep(lab, m, word, m->at, err) ? 0 : err->code;
	}
	return ret;
}
