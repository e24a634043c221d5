// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "define.h"
#include "kept.h"
#include "message.h"
#include "opts.h"
#include "state.h"
#include "text.h"

static const struct opt table[] = {
	{ "all", 'a', NULL, "Machines that do not run, too: those that were created, and guests in the background that have ended." },
	{ "json", 'j', NULL, "Everything that is known of each guest, one JSON object a line." },
	{ "quiet", 'q', NULL, "Only names." },
	{ NULL }
};

struct ps {
	bool all, json, quiet;
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct ps *ps = ctx;

	*(o->letter == 'a' ? &ps->all : o->letter == 'j' ? &ps->json : &ps->quiet) = true;
	return 0;
}

static const struct opts ps_opts = {
	.usage = "ps [OPTIONS]",
	.about = "Lists this user's running guests.",
	.table = table,
	.set = set_option,
};

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string) ?
	       json_object_get_string(v) : "";
}

static void word_of(struct json_object *o, const char *key, char *text, size_t size)
{
	snprintf(text, size, "%s", text_of(o, key));
	text_line(text);
}

static void command_of(struct json_object *guest, char *text, size_t size)
{
	struct json_object *argv;
	size_t i, len = 0;

	text[0] = 0;
	if (text_of(guest, "init")[0]) {
		snprintf(text, size, "%s", text_of(guest, "init"));
	} else if (!json_object_object_get_ex(guest, "command", &argv) ||
		   !json_object_is_type(argv, json_type_array)) {
		snprintf(text, size, json_object_get_boolean(json_object_object_get(guest, "background")) ? "-" : "(shell)");
	} else {
		for (i = 0; i < json_object_array_length(argv) && len < size; i++) {
			const char *word = json_object_get_string(json_object_array_get_idx(argv, i));

			len += snprintf(text + len, size - len, "%s%s", i ? " " : "", word ? word : "");
		}
	}
	text_line(text);
}

static void age_of(struct json_object *guest, char *text, size_t size)
{
	int64_t now = time(NULL), started = text_number(guest, "started");
	int64_t s = started > 0 && started < now ? now - started : 0;

	if (s < 3600)
		snprintf(text, size, "%" PRId64 ":%02d", s / 60, (int)(s % 60));
	else
		snprintf(text, size, "%" PRId64 "h%02d", s / 3600, (int)(s / 60 % 60));
}

/* Listened on for all of IPv4 as well as of IPv6: shown once. */
static bool is_twin(struct json_object *list, struct json_object *p)
{
	size_t i;

	if (strcmp(text_of(p, "address"), "::"))
		return false;
	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!strcmp(text_of(o, "address"), "0.0.0.0") && text_number(o, "host") == text_number(p, "host") &&
		    text_number(o, "guest") == text_number(p, "guest") && !strcmp(text_of(o, "proto"), text_of(p, "proto")))
			return true;
	}
	return false;
}

/* As --publish has it. */
static size_t port_of(struct json_object *p, const char *comma, char *text, size_t size)
{
	const char *address = text_of(p, "address"), *proto = text_of(p, "proto");
	bool any = !address[0] || !strcmp(address, "0.0.0.0"), six = strchr(address, ':');

	return snprintf(text, size, "%s%s%s%s%s%" PRId64 ":%" PRId64 "%s", comma, six && !any ? "[" : "", any ? "" : address,
			six && !any ? "]" : "", any ? "" : ":", text_number(p, "host"), text_number(p, "guest"),
			strcmp(proto, "udp") ? "" : "/udp");
}

/* The first address of each card, without its prefix; and what is published. */
static void network_of(struct json_object *guest, char *addresses, size_t size, char *ports, size_t ports_size)
{
	size_t i, j, len = 0, plen = 0;
	struct json_object *cards, *list;

	snprintf(addresses, size, "-");
	snprintf(ports, ports_size, "-");
	if (!json_object_object_get_ex(guest, "network", &cards) || !json_object_is_type(cards, json_type_array))
		return;
	for (i = 0; i < json_object_array_length(cards); i++) {
		struct json_object *card = json_object_array_get_idx(cards, i);

		if (json_object_object_get_ex(card, "addresses", &list) && json_object_is_type(list, json_type_array) &&
		    json_object_array_length(list) && len < size) {
			const char *text = json_object_get_string(json_object_array_get_idx(list, 0));

			len += snprintf(addresses + len, size - len, "%s%.*s", len ? "," : "", (int)strcspn(text, "/"), text);
		}
		if (!json_object_object_get_ex(card, "publish", &list) || !json_object_is_type(list, json_type_array))
			continue;
		for (j = 0; j < json_object_array_length(list) && plen < ports_size; j++) {
			struct json_object *p = json_object_array_get_idx(list, j);

			if (!is_twin(list, p))
				plen += port_of(p, plen ? "," : "", ports + plen, ports_size - plen);
		}
	}
	text_line(addresses);
	text_line(ports);
}

/* Those that are on, and how many there may be: "2/4". */
static void cpus_of(struct json_object *guest, char *text, size_t size)
{
	int64_t cpus = text_number(guest, "cpus"), max = text_number(guest, "cpus_max");

	snprintf(text, size, max > cpus ? "%" PRId64 "/%" PRId64 : "%" PRId64, cpus, max);
}

static void print_guest(const struct ps *ps, struct json_object *guest)
{
	char name[64], state[16], cpus[24], command[256], age[32], mem[48], addresses[160], ports[256];
	char *json;

	word_of(guest, "name", name, sizeof(name));
	if (ps->quiet) {
		puts(name);
	} else if (ps->json) {
		json = text_json(guest);
		if (json)
			puts(json);
		free(json);
	} else {
		word_of(guest, "state", state, sizeof(state));
		command_of(guest, command, sizeof(command));
		age_of(guest, age, sizeof(age));
		network_of(guest, addresses, sizeof(addresses), ports, sizeof(ports));
		snprintf(mem, sizeof(mem), "%" PRId64 "M/%" PRId64 "M", text_number(guest, "mem_used") >> 20, text_number(guest, "mem_given") >> 20);
		cpus_of(guest, cpus, sizeof(cpus));
		printf("%-16s %7" PRId64 " %-9s %4s %11s %7s  %-15s %-12s %s\n", name, text_number(guest, "pid"), state, cpus, mem, age, addresses, ports, command);
	}
}

/* Stopped, for one. */
static void print_silent(const struct ps *ps, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "%s", name);
	text_line(text);
	if (ps->quiet)
		puts(text);
	else if (!ps->json)
		printf("%-16s %7s %-9s\n", text, "?", "silent");
}

/* False: it has ended, though its socket was there still. */
static bool ask(const struct ps *ps, int dir, const char *name)
{
	struct json_object *req, *reply, *guest;
	struct r3_err err;
	int fd = state_connect(dir, name, &err), ret = fd;

	if (fd == -EAGAIN)
		print_silent(ps, name);
	if (fd < 0)
		return fd == -EAGAIN;
	req = json_object_new_object();
	json_object_object_add(req, "op", json_object_new_string("info"));
	ret = state_request(fd, req, &reply, &err);
	if (ret == -EAGAIN)
		print_silent(ps, name);
	if (!ret) {
		if (json_object_object_get_ex(reply, "guest", &guest))
			print_guest(ps, guest);
		json_object_put(reply);
	}
	json_object_put(req);
	close(fd);
	return ret != -ECONNRESET;
}

/* ---- machines that do not run ---- */

static void print_kept(const struct ps *ps, const char *name, int dir)
{
	struct json_object *end = kept_get(dir, KEPT_END), *o = end ? end : json_object_new_object();
	struct definition def;
	struct r3_err err;
	char state[32];
	bool created = false;

	if (!define_load(&def, dir, &err)) {
		created = def.created;
		define_free(&def);
	}
	snprintf(state, sizeof(state), end ? "ended %d" : created ? "created" : "killed", (int)(text_number(o, "status") & 0xff));
	json_object_object_add(o, "name", json_object_new_string(name));
	json_object_object_add(o, "state", json_object_new_string(end ? "ended" : state));
	json_object_object_add(o, "created", json_object_new_boolean(created));
	if (ps->quiet) {
		puts(name);
	} else if (ps->json) {
		char *json = text_json(o);

		if (json)
			puts(json);
		free(json);
	} else {
		printf("%-16s %7s %-9s\n", name, "-", state);
	}
	json_object_put(o);
}

static bool is_in(const char *name, char *const *names, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static int list_kept(const struct ps *ps, char *const *running, int n, struct r3_err *err)
{
	char **names;
	int all = kept_list(&names, err), i, dir;

	for (i = 0; i < all; i++) {
		dir = is_in(names[i], running, n) ? -1 : kept_find(names[i], err);
		/* One that starts or ends just now is listed the next time. */
		if (dir >= 0 && !kept_is_taken(dir))
			print_kept(ps, names[i], dir);
		if (dir >= 0)
			close(dir);
		free(names[i]);
	}
	free(names);
	return all < 0 ? all : 0;
}

int ps_main(int argc, char **argv)
{
	struct ps ps = { 0 };
	char **names = NULL, **running;
	struct r3_err err;
	bool dashes;
	int ret, dir, i, nr = 0, status;

	ret = opts_parse(&ps_opts, argc, argv, &ps, &dashes, &err);
	if (ret >= 0 && ret < argc)
		ret = err_set(&err, EINVAL, "unexpected word %s; \"ring3 ps\" takes only options", argv[ret]);
	if (ret < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	if (!ps.quiet && !ps.json)
		printf("%-16s %7s %-9s %4s %11s %7s  %-15s %-12s %s\n", "NAME", "PID", "STATE", "CPUS", "MEM", "AGE",
		       "ADDRESS", "PORTS", "COMMAND");
	dir = state_dir(false, &err);
	ret = dir == -ENOENT ? 0 : dir < 0 ? dir : state_list(dir, &names, &err);
	if (ret < 0) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	running = calloc(ret + 1, sizeof(*running));
	if (!running)
		err_set(&err, ENOMEM, "no memory for a list of guests");
	for (i = 0; running && i < ret; i++)
		if (ask(&ps, dir, names[i]))
			running[nr++] = names[i];
	status = !running || (ps.all && list_kept(&ps, running, nr, &err)) ? CLI_FAILED : CLI_OK;
	if (status)
		message("%s", err.msg);
	for (i = 0; i < ret; i++)
		free(names[i]);
	free(names);
	free(running);
	if (dir >= 0)
		close(dir);
	return fflush(stdout) ? CLI_FAILED : status;
}
