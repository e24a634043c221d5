// SPDX-License-Identifier: GPL-2.0-or-later
/* "ring3 net": one function a word. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "jail/jail.h"
#include "cli.h"
#include "message.h"
#include "names.h"
#include "netswitch.h"
#include "netswitch_capture.h"
#include "netswitch_show.h"
#include "netswitch_start.h"
#include "opts.h"
#include "values.h"

#define WORDS_MAX	8

struct net {
	unsigned int mtu;
	enum jail_mode jail;
	const char *file;
	bool json;
	struct switch_uplink uplink[SWITCH_MAX_UPLINKS];
	int nr_uplinks;
	char *word[WORDS_MAX];
	int nr_words;
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct net *net = ctx;

	if (!strcmp(o->name, "json"))
		net->json = true;
	if (!strcmp(o->name, "write"))
		net->file = value;
	if (!strcmp(o->name, "mtu"))
		return value_number("mtu", value, 68, 65520, &net->mtu, err);
	if (!strcmp(o->name, "jail"))
		return jail_mode_parse(value, &net->jail, err);
	if (!strcmp(o->name, "uplink")) {
		if (net->nr_uplinks == SWITCH_MAX_UPLINKS)
			return err_set(err, E2BIG, "--uplink %s: a switch has at most %d uplinks", value, SWITCH_MAX_UPLINKS);
		return switch_uplink_parse(&net->uplink[net->nr_uplinks++], value, err);
	}
	return 0;
}

/* ---- words ---- */

static int net_add(struct net *net, struct r3_err *err)
{
	const char *name = net->word[0];
	struct r3_err ignored;
	int ret, i;

	ret = switch_start(name, net->mtu, net->jail, err);
	for (i = 0; !ret && i < net->nr_uplinks; i++) {
		ret = switch_uplink_add(name, &net->uplink[i], net->mtu, err);
		if (ret)
			switch_remove(name, &ignored);
	}
	return ret;
}

static int net_rm(struct net *net, struct r3_err *err)
{
	int ret = 0, i;

	for (i = 0; !ret && i < net->nr_words; i++)
		ret = switch_remove(net->word[i], err);
	return ret;
}

static int ask_ls(const char *name, struct json_object **reply, struct r3_err *err)
{
	struct json_object *request = json_object_new_object();
	int fd;

	json_object_object_add(request, "op", json_object_new_string("ls"));
	fd = switch_ask(name, request, NULL, 0, reply, err);
	json_object_put(request);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static int show_one(const char *name, bool json, void (*show)(struct json_object *), struct r3_err *err)
{
	struct json_object *sw;
	int ret = ask_ls(name, &sw, err);

	if (ret)
		return ret;
	if (json)
		switch_show_json(sw);
	else
		show(sw);
	json_object_put(sw);
	return 0;
}

static int net_ls(struct net *net, struct r3_err *err)
{
	cleanup_close int dir = -1;
	char **names = NULL;
	int n, i, ret;

	if (net->nr_words)
		return show_one(net->word[0], net->json, switch_show_ports, err);
	if (!net->json)
		switch_show_head();
	dir = switch_dir(false, err);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	n = names_list(dir, &names);
	if (n < 0)
		return err_set(err, n, "cannot list switches: %s", strerror(-n));
	for (i = 0; i < n; i++) {
		ret = show_one(names[i], net->json, switch_show, err);
		if (ret == -EAGAIN && !net->json)
			switch_show_silent(names[i]);
		free(names[i]);
	}
	free(names);
	return 0;
}

static int net_stats(struct net *net, struct r3_err *err)
{
	return show_one(net->word[0], net->json, switch_show_stats, err);
}

static int net_set(struct net *net, struct r3_err *err)
{
	static const uint8_t none[6];
	struct switch_port_options opt;
	struct json_object *request, *reply;
	int fd, i, ret;

	switch_options_init(&opt);
	for (i = 2; i < net->nr_words; i++) {
		ret = switch_parse_options("ring3 net set", net->word[i], &opt, err);
		if (ret)
			return ret;
	}
	if (memcmp(opt.mac, none, 6))
		return err_set(err, EINVAL, "ring3 net set: mac= is said when a guest joins, and stays");
	request = switch_options_json(&opt);
	json_object_object_add(request, "op", json_object_new_string("set"));
	json_object_object_add(request, "port", json_object_new_string(net->word[1]));
	fd = switch_ask(net->word[0], request, NULL, 0, &reply, err);
	json_object_put(request);
	if (fd < 0)
		return fd;
	json_object_put(reply);
	close(fd);
	return 0;
}

static int net_capture(struct net *net, struct r3_err *err)
{
	return switch_capture(net->word[0], net->nr_words > 1 ? net->word[1] : NULL, net->file ? net->file : "-", err);
}

static const struct opt add_table[] = {
	{ "uplink", 'u', "UPLINK", "A way out: nat, with options of --net nat (nat,egress=debian.org), or tap:NAME, a tap device of the host. May be given several times." },
	{ "mtu", 'm', "BYTES", "The longest packet on any port. Default: 1500." },
	{ "jail", 0, "MODE", "The jail around the switch: on, require or off. Default: on." },
	{ NULL }
}, json_table[] = {
	{ "json", 'j', NULL, "All that is known, one JSON object a line for each switch." },
	{ NULL }
}, capture_table[] = {
	{ "write", 'w', "FILE", "Where the capture goes, in pcapng format; - is stdout, and the default." },
	{ NULL }
}, no_table[] = {
	{ NULL }
};

static const struct word {
	struct opts opts;
	int min, max;			/* words */
	int (*main)(struct net *net, struct r3_err *err);
} words[] = {
	{ { "net add [OPTIONS] NAME", "Makes a switch, which guests join with: ring3 run --net switch:NAME. It lives until it is removed.",
	    add_table, NULL, set_option }, 1, 1, net_add },
	{ { "net rm NAME...", "Ends switches. Their guests see the link go down.", no_table, NULL, set_option }, 1, WORDS_MAX, net_rm },
	{ { "net ls [--json] [NAME]", "Lists this user's switches, or the ports of one.", json_table, NULL, set_option }, 0, 1, net_ls },
	{ { "net set NAME PORT OPTION=VALUE[,OPTION=VALUE...]",
	    "Changes a port, while it is used. A port has the name of its guest, and a number. delay=20ms, jitter=5ms, loss=1%, duplicate=1%, reorder=1% and rate=10mbit are the cable's between guest and switch, in each direction; with rx. or tx. before, only of what the guest receives or sends. 0 takes one away. vlan=10 makes it an access port, trunk=10+20-29 a trunk, both together a trunk with a native VLAN.",
	    no_table, NULL, set_option }, 3, WORDS_MAX, net_set },
	{ { "net stats [--json] NAME", "Shows what the ports of a switch have received and sent, as their guests see it.", json_table, NULL, set_option },
	  1, 1, net_stats },
	{ { "net capture NAME [PORT] [-w FILE]",
	    "Writes what goes through a switch, or in and out of a port, as it happens: ring3 net capture lan -w - | wireshark -k -i -",
	    capture_table, NULL, set_option }, 1, 2, net_capture },
};

/* "net add" is the second word of "net add NAME". */
static const char *word_name(const struct word *w, char *name, size_t size)
{
	const char *p = w->opts.usage + 4;

	snprintf(name, size, "%.*s", (int)strcspn(p, " "), p);
	return name;
}

static void help(FILE *f)
{
	char name[16];
	size_t i;

	fprintf(f, "Usage: ring3 net WORD ...\n\nSoftware switches, which connect guests.\n\n");
	for (i = 0; i < ARRAY_SIZE(words); i++)
		fprintf(f, "  %-9s %.*s\n", word_name(&words[i], name, sizeof(name)), (int)strcspn(words[i].opts.about, ",.:") ,
			words[i].opts.about);
	fprintf(f, "\n\"ring3 net WORD --help\" tells more about one of them.\n");
}

static const struct word *find(const char *word)
{
	char name[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, word_name(&words[i], name, sizeof(name))))
			return &words[i];
	return NULL;
}

/* Options may stand before, between and behind the words. */
static int parse(const struct word *w, struct net *net, int argc, char **argv, struct r3_err *err)
{
	bool dashes;
	int at = 0, ret;

	for (;;) {
		ret = opts_parse(&w->opts, argc - at, argv + at, net, &dashes, err);
		if (ret < 0)
			return ret;
		at += ret;
		if (at >= argc)
			break;
		if (net->nr_words == w->max)
			return err_set(err, EINVAL, "unexpected word %s: ring3 %s", argv[at], w->opts.usage);
		net->word[net->nr_words++] = argv[at];
	}
	if (net->nr_words < w->min)
		return err_set(err, EINVAL, "%s: ring3 %s", net->nr_words ? "something is missing" : "which switch? \"ring3 net ls\" lists them",
			       w->opts.usage);
	return 0;
}

int net_main(int argc, char **argv)
{
	struct net net = { .mtu = 1500, .jail = JAIL_ON };
	const struct word *w;
	struct r3_err err;
	int ret;

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(argc < 2 ? stderr : stdout);
		return argc < 2 ? CLI_START : CLI_OK;
	}
	w = find(argv[1]);
	if (!w) {
		message("unknown word %s; \"ring3 net --help\" lists them", argv[1]);
		return CLI_START;
	}
	if (parse(w, &net, argc - 1, argv + 1, &err)) {
		message("%s", err.msg);
		return CLI_START;
	}
	ret = w->main(&net, &err);
	if (ret) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	return fflush(stdout) ? CLI_FAILED : CLI_OK;
}
