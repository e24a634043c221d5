// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 status: what runs of a lab, and what it looks like. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "labend.h"
#include "labfind.h"
#include "labstate.h"
#include "message.h"
#include "opts.h"
#include "state.h"
#include "text.h"

struct status {
	const char *name;
	bool json, dot;
};

static const struct opt table[] = {
	{ "name", 'n', "NAME", "The lab of this name, whatever file it is from." },
	{ "json", 'j', NULL, "All that is known, as one JSON object." },
	{ "dot", 0, NULL, "A picture of machines and networks for graphviz: ring3 status --dot | dot -Tsvg > lab.svg" },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct status *s = ctx;

	if (o->letter == 'n')
		s->name = value;
	else
		*(o->letter == 'j' ? &s->json : &s->dot) = true;
	return 0;
}

static const struct opts status_opts = {
	.usage = "status [OPTIONS] [FILE | LAB]",
	.about = "Shows the machines and networks that \"ring3 up\" started of FILE, or of the lab of\n"
		 "this name; without either, of the file in this folder, or all labs if there is\n"
		 "none.",
	.table = table,
	.more = "Exit status: 0 all machines run, 1 some do not, 125 wrong options, or there is\n"
		"no such lab.",
	.set = set_option,
};

/* ---- what there is ---- */

/* running, ... as ring3 ps has it; "ended" if it is there no more. */
static void state_of(const char *guest, char *state, size_t size, struct json_object **info)
{
	struct json_object *req = json_object_new_object(), *reply, *o;
	struct r3_err err;
	int fd;

	*info = NULL;
	json_object_object_add(req, "op", json_object_new_string("info"));
	fd = state_ask(guest, req, &reply, &err);
	json_object_put(req);
	if (fd < 0) {
		snprintf(state, size, "%s", fd == -EAGAIN ? "silent" : "ended");
		return;
	}
	close(fd);
	if (json_object_object_get_ex(reply, "guest", &o))
		*info = json_object_get(o);
	json_object_put(reply);
	snprintf(state, size, "%s", *labstate_text(*info, "state") ? labstate_text(*info, "state") : "running");
	text_line(state);
}

static bool is_good(struct json_object *machine)
{
	struct json_object *v;

	return json_object_object_get_ex(machine, "good", &v) && json_object_get_boolean(v);
}

/* {"name", "guest", "state", "good", "cards"} of each machine, and the same of networks. */
static struct json_object *describe(const char *lab, struct json_object *known, bool *all)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array(), *one, *info, *v;
	struct json_object *machines = labstate_part(known, "machines", false), *networks = labstate_part(known, "networks", false);
	char full[160], state[16];

	*all = true;
	json_object_object_add(o, "lab", json_object_new_string(lab));
	json_object_object_add(o, "file", json_object_new_string(labstate_text(known, "file")));
	json_object_object_add(o, "machines", list);
	if (machines) {
		json_object_object_foreach(machines, key, value) {
			one = json_object_new_object();
			snprintf(full, sizeof(full), "%s.%.62s", lab, key);
			state_of(full, state, sizeof(state), &info);
			json_object_object_add(one, "name", json_object_new_string(key));
			json_object_object_add(one, "guest", json_object_new_string(full));
			json_object_object_add(one, "state", json_object_new_string(state));
			json_object_object_add(one, "good", json_object_new_boolean(is_good(value)));
			if (json_object_object_get_ex(value, "cards", &v))
				json_object_object_add(one, "cards", json_object_get(v));
			if (info)
				json_object_object_add(one, "guest_info", info);
			json_object_array_add(list, one);
			*all &= !strcmp(state, "running") && is_good(value);
		}
	}
	list = json_object_new_array();
	json_object_object_add(o, "networks", list);
	if (networks) {
		json_object_object_foreach(networks, key, value) {
			bool runs;

			one = json_object_new_object();
			snprintf(full, sizeof(full), "%s.%.62s", lab, key);
			runs = labend_network_runs(full);
			json_object_object_add(one, "name", json_object_new_string(key));
			json_object_object_add(one, "switch", json_object_new_string(full));
			json_object_object_add(one, "state", json_object_new_string(runs ? "running" : "ended"));
			if (json_object_object_get_ex(value, "uplink", &v))
				json_object_object_add(one, "uplink", json_object_get(v));
			json_object_array_add(list, one);
			*all &= runs;
		}
	}
	return o;
}

/* ---- as a table ---- */

static void cards_text(struct json_object *machine, char *text, size_t size)
{
	struct json_object *cards, *v;
	size_t i, len = 0;

	text[0] = 0;
	if (!json_object_object_get_ex(machine, "cards", &cards) || !json_object_is_type(cards, json_type_array))
		return;
	for (i = 0; i < json_object_array_length(cards) && len < size; i++) {
		struct json_object *card = json_object_array_get_idx(cards, i);
		const char *network = labstate_text(card, "network"), *address = "";

		if (json_object_object_get_ex(card, "addresses", &v) && json_object_is_type(v, json_type_array) && json_object_array_length(v))
			address = json_object_get_string(json_object_array_get_idx(v, 0));
		len += snprintf(text + len, size - len, "%s%s%s%s", i ? " " : "", *network ? network : "(nat)", *address ? "=" : "", address);
	}
	text_line(text);
}

static void show_lab(struct json_object *lab)
{
	struct json_object *list;
	char cards[400], name[64];
	size_t i;

	printf("%-24s %-10s %s\n", "MACHINE", "STATE", "NETWORKS");
	json_object_object_get_ex(lab, "machines", &list);
	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *m = json_object_array_get_idx(list, i), *good;
		const char *state = labstate_text(m, "state");

		snprintf(name, sizeof(name), "%s", labstate_text(m, "guest"));
		text_line(name);
		cards_text(m, cards, sizeof(cards));
		json_object_object_get_ex(m, "good", &good);
		printf("%-24s %-10s %s\n", name, !strcmp(state, "running") && !json_object_get_boolean(good) ? "failed" : state, cards);
	}
}

/* ---- as a picture ---- */

/* In quotes; names of a lab's parts have none of what would end them. */
static void show_dot(struct json_object *lab)
{
	struct json_object *list, *cards, *v;
	size_t i, k;

	printf("graph \"%s\" {\n\tlayout=neato; overlap=false; splines=true;\n\tnode [fontname=\"sans-serif\"];\n\tedge [fontname=\"sans-serif\", fontsize=10];\n",
	       labstate_text(lab, "lab"));
	json_object_object_get_ex(lab, "networks", &list);
	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *n = json_object_array_get_idx(list, i);

		printf("\t\"net %s\" [label=\"%s\", shape=ellipse%s];\n", labstate_text(n, "name"), labstate_text(n, "name"),
		       json_object_object_get_ex(n, "uplink", &v) && json_object_get_boolean(v) ? ", peripheries=2" : "");
	}
	json_object_object_get_ex(lab, "machines", &list);
	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *m = json_object_array_get_idx(list, i);
		const char *name = labstate_text(m, "name");

		printf("\t\"%s\" [shape=box, style=filled, fillcolor=\"%s\"];\n", name,
		       strcmp(labstate_text(m, "state"), "running") ? "lightgrey" : "lightblue");
		if (!json_object_object_get_ex(m, "cards", &cards) || !json_object_is_type(cards, json_type_array))
			continue;
		for (k = 0; k < json_object_array_length(cards); k++) {
			struct json_object *card = json_object_array_get_idx(cards, k);
			const char *network = labstate_text(card, "network"), *address = "";

			if (!*network)
				continue;
			if (json_object_object_get_ex(card, "addresses", &v) && json_object_array_length(v))
				address = json_object_get_string(json_object_array_get_idx(v, 0));
			printf("\t\"%s\" -- \"net %s\" [label=\"eth%zu%s%s\"];\n", name, network, k, *address ? "\\n" : "", address);
		}
	}
	printf("}\n");
}

/* ---- the command ---- */

static int show_one(const struct status *s, const char *lab)
{
	struct json_object *known = labstate_peek(lab), *o;
	char *json;
	bool all;

	if (!known)
		return CLI_OK;
	o = describe(lab, known, &all);
	if (s->json) {
		json = text_json(o);
		if (json)
			puts(json);
		free(json);
	} else if (s->dot) {
		show_dot(o);
	} else {
		show_lab(o);
	}
	json_object_put(o);
	json_object_put(known);
	return all ? CLI_OK : CLI_FAILED;
}

static int show_all(const struct status *s)
{
	char **names;
	struct r3_err err;
	int nr = labstate_list(&names, &err), i, ret = CLI_OK;

	if (nr < 0) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	if (!nr && !s->json)
		message("no lab runs; \"ring3 up --help\" tells how to start one");
	for (i = 0; i < nr; i++) {
		if (i && !s->json && !s->dot)
			printf("\n");
		ret |= show_one(s, names[i]);
		free(names[i]);
	}
	free(names);
	return ret;
}

int status_main(int argc, char **argv)
{
	struct status s = { 0 };
	struct r3_err err;
	char lab[64];
	bool dashes;
	int at, ret;

	at = opts_parse(&status_opts, argc, argv, &s, &dashes, &err);
	if (at >= 0 && argc - at > (s.name ? 0 : 1))
		at = err_set(&err, EINVAL, "unexpected word %s: ring3 %s", argv[argc - 1], status_opts.usage);
	if (at >= 0 && s.json && s.dot)
		at = err_set(&err, EINVAL, "--json and --dot exclude each other");
	ret = at < 0 ? at : labfind(s.name, argv[at], lab, sizeof(lab), &err);
	if (ret == -ENOENT && !s.name && !argv[at]) {
		ret = show_all(&s);
		return fflush(stdout) ? CLI_FAILED : ret;
	}
	if (ret) {
		message("%s", err.msg);
		return CLI_START;
	}
	ret = show_one(&s, lab);
	return fflush(stdout) ? CLI_FAILED : ret;
}
