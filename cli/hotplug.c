// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 attach, ring3 detach */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "diskopt.h"
#include "message.h"
#include "netopt.h"
#include "opts.h"
#include "shareopt.h"
#include "state.h"
#include "text.h"
#include "values.h"

/* Longer than a guest may take that nobody said it of (cli/machine_plug.c); beyond what was said. */
#define ANSWER_MS	60000

struct words {
	const char *kind;		/* of the device: NULL, "disk", "net", "share" */
	const char *text;
	bool force;
	int64_t timeout_ms;		/* 0: not said */
};

static const struct opt attach_table[] = {
	{ "disk", 0, "PATH[,KEY...]", "A disk, with the keys of --disk of \"ring3 run\": ro, format=, serial=, rate= and iops=." },
	{ "net", 0, "KIND[,KEY=VALUE...]", "A network card, as for --net of \"ring3 run\": switch:NAME, tap:NAME, socket:PATH or passt:PATH, with mac= and mtu=. Its addresses are set in the guest." },
	{ "share", 0, "HOST[:GUEST][:ro][,KEY=VALUE...]", "A folder of the host, as for --share of \"ring3 run\": mounted in the guest at GUEST, or at the host's path." },
	{ "timeout", 't', "TIME", "How long the guest may take, in seconds. Default: 10." },
	{ NULL }
};

static int set_timeout(struct words *w, const char *value, struct r3_err *err)
{
	int ret = value_time("timeout", value, &w->timeout_ms, err);

	if (!ret && w->timeout_ms < 1)
		w->timeout_ms = 1;
	return ret;
}

static int set_attach(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct words *w = ctx;

	if (o->letter == 't')
		return set_timeout(w, value, err);
	if (w->text)
		return err_set(err, EINVAL, "one device at a time: give --%s to an attach of its own", o->name);
	w->kind = o->name;
	w->text = value;
	return 0;
}

static const struct opts attach_opts = {
	.usage = "attach [OPTIONS] NAME --disk PATH[,KEY...]|--net KIND[,KEY=VALUE...]|--share HOST[:GUEST][:ro][,KEY=VALUE...]",
	.about = "Attaches a device to a running guest, and prints its name for \"ring3 detach\"\n"
		 "and what the guest calls it, when the guest has taken it.",
	.table = attach_table,
	.set = set_attach,
};

static const struct opt detach_table[] = {
	{ "force", 'f', NULL, "Also if the guest uses it: what it did not write yet is lost to it, as if a cable was pulled." },
	{ "timeout", 't', "TIME", "How long the guest may take, in seconds. Default: 30." },
	{ NULL }
};

static int set_detach(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct words *w = ctx;

	if (o->letter == 't')
		return set_timeout(w, value, err);
	w->force = true;
	return 0;
}

static const struct opts detach_opts = {
	.usage = "detach [OPTIONS] NAME DEVICE",
	.about = "Takes a device of \"ring3 attach\" from a running guest, when the guest has let it go.\n"
		 "A shared folder is unmounted there before.",
	.table = detach_table,
	.set = set_detach,
};

/* The guest's process has a directory of its own. */
static int absolute(const char *path, char *text, size_t size, struct r3_err *err)
{
	char dir[PATH_MAX] = "";

	if (path[0] != '/' && !getcwd(dir, sizeof(dir)))
		return err_set(err, errno, "the current directory is not to be found: %s", strerror(errno));
	if ((size_t)snprintf(text, size, "%s%s%s", dir, dir[0] ? "/" : "", path) >= size)
		return err_set(err, ENAMETOOLONG, "the path %s is too long", path);
	return 0;
}

static int check_net(const char *text, struct r3_err *err)
{
	struct netopt *opt = calloc(1, sizeof(*opt));
	int ret = opt ? netopt_card(opt, text, err) : err_set(err, ENOMEM, "no memory for options");

	free(opt);
	return ret;
}

static int check_share(const char *text, struct r3_err *err)
{
	struct shareopt opt;
	int ret = shareopt_parse(&opt, text, err) ?: shareopt_check(&opt, 1, err);

	shareopt_free(&opt);
	return ret;
}

/* What can be said of it without the guest. */
static int check(const struct words *w, struct r3_err *err)
{
	struct diskopt disk;

	if (!strcmp(w->kind, "share"))
		return check_share(w->text, err);
	return strcmp(w->kind, "disk") ? check_net(w->text, err) : diskopt_parse(&disk, "--disk", w->text, err);
}

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
}

static void print_device(struct json_object *reply)
{
	struct json_object *o = json_object_object_get(reply, "device");
	char name[64], guest[PATH_MAX];

	snprintf(name, sizeof(name), "%s", text_of(o, "name"));
	snprintf(guest, sizeof(guest), "%s", text_of(o, "guest"));
	text_line(name);
	text_line(guest);
	printf("%s%s%s\n", name, guest[0] ? " " : "", guest);
}

/* Takes the request. */
static int ask(const char *name, const struct words *w, struct json_object *req, bool print, struct r3_err *err)
{
	struct json_object *reply;
	cleanup_close int fd = state_open(name, err);
	int ret = fd;

	if (w->timeout_ms)
		json_object_object_add(req, "timeout_ms", json_object_new_int64(w->timeout_ms));
	if (fd >= 0)
		ret = state_request_within(fd, req, w->timeout_ms + ANSWER_MS, &reply, err);
	json_object_put(req);
	if (ret < 0)
		return ret;
	if (print)
		print_device(reply);
	json_object_put(reply);
	return 0;
}

static int fail(struct r3_err *err, int status)
{
	message("%s", err->msg);
	return status;
}

/* Options may stand before and after the guest's name. */
static int parse(const struct opts *opts, int argc, char **argv, void *ctx, char **words, int max, struct r3_err *err)
{
	bool dashes;
	int n = 0, at;

	while ((at = opts_parse(opts, argc, argv, ctx, &dashes, err)) >= 0 && at < argc) {
		if (n == max)
			return err_set(err, EINVAL, "unexpected word %s: ring3 %s", argv[at], opts->usage);
		words[n++] = argv[at];
		argc -= at;
		argv += at;
	}
	return at < 0 ? at : n;
}

int attach_main(int argc, char **argv)
{
	struct words words = { 0 };
	struct json_object *req;
	char text[PATH_MAX], *name = NULL;
	struct r3_err err;
	int n = parse(&attach_opts, argc, argv, &words, &name, 1, &err);

	if (n == 0)
		n = err_set(&err, EINVAL, "which guest? \"ring3 ps\" lists them: ring3 %s", attach_opts.usage);
	else if (n > 0 && !words.text)
		n = err_set(&err, EINVAL, "attach what? ring3 %s", attach_opts.usage);
	if (n < 0 || check(&words, &err))
		return fail(&err, CLI_START);
	if (!strcmp(words.kind, "net"))
		snprintf(text, sizeof(text), "%s", words.text);
	else if (absolute(words.text, text, sizeof(text), &err))
		return fail(&err, CLI_START);
	req = json_object_new_object();
	json_object_object_add(req, "op", json_object_new_string("attach"));
	json_object_object_add(req, words.kind, json_object_new_string(text));
	return ask(name, &words, req, true, &err) ? fail(&err, CLI_FAILED) : CLI_OK;
}

int detach_main(int argc, char **argv)
{
	struct json_object *req;
	struct words words = { 0 };
	char *name[2];
	struct r3_err err;
	int n = parse(&detach_opts, argc, argv, &words, name, 2, &err);

	if (n >= 0 && n < 2)
		n = err_set(&err, EINVAL, "%s ring3 %s", n ? "which device? \"ring3 ps --json\" has those that were attached:" :
			    "which guest? \"ring3 ps\" lists them:", detach_opts.usage);
	if (n < 0)
		return fail(&err, CLI_START);
	req = json_object_new_object();
	json_object_object_add(req, "op", json_object_new_string("detach"));
	json_object_object_add(req, "device", json_object_new_string(name[1]));
	json_object_object_add(req, "force", json_object_new_boolean(words.force));
	return ask(name[0], &words, req, false, &err) ? fail(&err, CLI_FAILED) : CLI_OK;
}
