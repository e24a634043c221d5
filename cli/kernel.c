// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 kernel: a front to kernel/build.sh, and what that has built under a name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "base/util.h"
#include "cli.h"
#include "kernels.h"
#include "message.h"
#include "opts.h"
#include "parts.h"
#include "text.h"

#define MAX_CONFIG	16

struct kernel_args {
	const char *source, *name, *jobs;
	const char *config[MAX_CONFIG];
	int nr_config;
	bool json, remove, no_modules;
	const char *word;
};

struct kernel_word {
	struct opts opts;
	int min, max;			/* words behind the options */
	int (*run)(struct kernel_args *a, struct r3_err *err);
};

/* ---- build ---- */

static int kernel_build(struct kernel_args *a, struct r3_err *err)
{
	struct parts_args args = { .nr = 0 };
	int i;

	parts_add_option(&args, "--name", a->name ?: "-");
	parts_add_option(&args, "--source", a->source);
	parts_add_option(&args, "-j", a->jobs);
	if (a->no_modules)
		parts_add(&args, "--no-modules");
	for (i = 0; i < a->nr_config; i++)
		parts_add_option(&args, "--config-fragment", a->config[i]);
	return parts_exec("kernel/build.sh", &args, err);
}

/* ---- list ---- */

static void add_text(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static int print_json(const struct kernel *list, int n, struct r3_err *err)
{
	struct json_object *all = json_object_new_array(), *o;
	cleanup_free char *text = NULL;
	int i;

	for (i = 0; i < n; i++) {
		o = json_object_new_object();
		add_text(o, "name", list[i].name);
		add_text(o, "release", list[i].release);
		add_text(o, "source", list[i].source);
		add_text(o, "config", list[i].config);
		json_object_object_add(o, "bytes", json_object_new_int64(list[i].bytes));
		json_object_object_add(o, "built", json_object_new_int64(list[i].built));
		json_object_array_add(all, o);
	}
	text = text_json(all);
	json_object_put(all);
	if (!text)
		return err_set(err, ENOMEM, "no memory for the list");
	puts(text);
	return 0;
}

static void print_table(struct kernel *list, int n)
{
	int i, width = 4;

	for (i = 0; i < n; i++)
		width = (int)strlen(list[i].name) > width ? (int)strlen(list[i].name) : width;
	printf("%-*s  %-16s  %6s  %-16s  %-16s  %s\n", width, "NAME", "RELEASE", "MIB", "BUILT", "CONFIG", "SOURCE");
	for (i = 0; i < n; i++) {
		time_t built = list[i].built;
		char when[32];
		struct tm tm;

		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", localtime_r(&built, &tm));
		text_line(list[i].source);
		text_line(list[i].config);
		printf("%-*s  %-16s  %6llu  %-16s  %-16s  %s\n", width, list[i].name, list[i].release,
		       (unsigned long long)((list[i].bytes + (1 << 20) - 1) >> 20), when, list[i].config[0] ? list[i].config : "-", list[i].source);
	}
}

static int kernel_list(struct kernel_args *a, struct r3_err *err)
{
	cleanup_free struct kernel *list = NULL;
	int n = kernels_list(&list, err);

	if (n < 0)
		return n;
	if (a->json)
		return print_json(list, n, err);
	print_table(list, n);
	return 0;
}

/* ---- rm and port ---- */

static int kernel_rm(struct kernel_args *a, struct r3_err *err)
{
	return kernels_remove(a->word, err);
}

static int kernel_port(struct kernel_args *a, struct r3_err *err)
{
	struct parts_args args = { .nr = 0 };

	if (a->remove)
		parts_add(&args, "--remove");
	parts_add(&args, a->word);
	return parts_exec("kernel/build/port.sh", &args, err);
}

/* ---- options ---- */

static const struct opt build_table[] = {
	{ "source", 's', "SERIES|DIR", "A series that Debian has, as 6.1, 6.12 or 7.3; or a kernel tree or git checkout that was not built in, which stays as it is. Of a tree the objects are kept: after a change only what depends on it is compiled. Default: 6.12." },
	{ "config", 'c', "FRAGMENT", "Add the options in this file, or those of a fragment that ring3 has, as debug, kasan, lockdep or tiny. May be given several times." },
	{ "debug", 0, NULL, "The same as --config debug: DWARF for gdb, drgn and decoded stack traces." },
	{ "lockdep", 0, NULL, "The same as --config lockdep: the order of locks is checked." },
	{ "kasan", 0, NULL, "The same as --config kasan: each access to memory is checked." },
	{ "kcov", 0, NULL, "The same as --config kcov: system calls tell what code they ran through." },
	{ "name", 'n', "NAME", "What to call it. A kernel of that name is replaced; guests that run it go on. Default: made of source and fragments, as 6.12-debug." },
	{ "no-modules", 0, NULL, "Of a tree: build the kernel alone, which is quicker." },
	{ "jobs", 'j', "N", "Compile so many files at a time. Default: one for each CPU." },
	{ NULL }
};
static const struct opt list_table[] = { { "json", 'j', NULL, "Write it as JSON." }, { NULL } };
static const struct opt rm_table[] = { { NULL } };
static const struct opt port_table[] = { { "remove", 0, NULL, "Take it out again." }, { NULL } };

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct kernel_args *a = ctx;

	if (!strcmp(o->name, "source"))
		a->source = value;
	else if (!strcmp(o->name, "name"))
		a->name = value;
	else if (!strcmp(o->name, "jobs"))
		a->jobs = value;
	else if (!strcmp(o->name, "json"))
		a->json = true;
	else if (!strcmp(o->name, "no-modules"))
		a->no_modules = true;
	else if (!strcmp(o->name, "remove"))
		a->remove = true;
	else if (a->nr_config == MAX_CONFIG)
		return err_set(err, E2BIG, "--config can be given at most %d times", MAX_CONFIG);
	else
		a->config[a->nr_config++] = value ?: o->name;
	return 0;
}

/* man/ring3-kernel.1 has the same words. */
static const struct kernel_word words[] = {
	{ { "kernel build [OPTIONS]", "Builds a guest kernel of mainline's sources and ring3's port, and prints its name.", build_table,
	    "What it was made of is in the cache, so that the same is not built twice.", set_option }, 0, 0, kernel_build },
	{ { "kernel list [--json]", "Lists the kernels that have a name, which \"ring3 run --kernel\" takes.", list_table, NULL, set_option }, 0, 0, kernel_list },
	{ { "kernel rm NAME", "Removes a kernel, with the objects that were kept for its next build.", rm_table, NULL, set_option }, 1, 1, kernel_rm },
	{ { "kernel port [--remove] DIR", "Puts the port into a kernel tree, as arch/ring3, so that make ARCH=ring3 works there.", port_table,
	    "git does not see it. Later changes of the port get there by the same command.", set_option }, 1, 1, kernel_port },
};

static const char *word_name(const struct kernel_word *w, char name[16])
{
	const char *p = w->opts.usage + strlen("kernel ");

	snprintf(name, 16, "%.*s", (int)strcspn(p, " "), p);
	return name;
}

static void help(FILE *f)
{
	char name[16];
	size_t i;

	fprintf(f, "Usage: ring3 kernel WORD ...\n\nGuest kernels: mainline Linux, built with ARCH=ring3.\n\n");
	for (i = 0; i < ARRAY_SIZE(words); i++)
		fprintf(f, "  %-6s %.*s\n", word_name(&words[i], name), (int)strcspn(words[i].opts.about, ",."), words[i].opts.about);
	fprintf(f, "\n\"ring3 kernel WORD --help\" tells more about one of them.\n");
}

static int take_words(const struct kernel_word *w, struct kernel_args *a, int argc, char **argv, struct r3_err *err)
{
	bool dashes;
	int at = opts_parse(&w->opts, argc, argv, a, &dashes, err);

	if (at < 0)
		return at;
	if (argc - at > w->max)
		return err_set(err, EINVAL, "unexpected word %s: ring3 %s", argv[at + w->max], w->opts.usage);
	if (argc - at < w->min)
		return err_set(err, EINVAL, "something is missing: ring3 %s", w->opts.usage);
	a->word = argv[at];
	return 0;
}

int kernel_main(int argc, char **argv)
{
	struct kernel_args a = { .nr_config = 0 };
	struct r3_err err;
	char name[16];
	size_t i;
	int ret;

	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(argc < 2 ? stderr : stdout);
		return argc < 2 ? CLI_START : CLI_OK;
	}
	for (i = 0; i < ARRAY_SIZE(words) && strcmp(argv[1], word_name(&words[i], name)); i++)
		;
	if (i == ARRAY_SIZE(words)) {
		message("unknown word %s; \"ring3 kernel --help\" lists them", argv[1]);
		return CLI_START;
	}
	ret = take_words(&words[i], &a, argc - 1, argv + 1, &err);
	if (ret) {
		message("%s", err.msg);
		return CLI_START;
	}
	ret = words[i].run(&a, &err);
	if (!ret && !fflush(stdout))
		return CLI_OK;
	message("%s", ret ? err.msg : "the list cannot be written");
	return CLI_FAILED;
}
