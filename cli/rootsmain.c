// SPDX-License-Identifier: GPL-2.0-or-later
/* ring3 roots: the file systems that were made of archives and images. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "message.h"
#include "opts.h"
#include "rootcache.h"

struct wish {
	const char *remove;
	bool prune;
};

static const struct opt table[] = {
	{ "remove", 0, "DIGEST", "Remove the one whose digest begins so." },
	{ "prune", 0, NULL, "Remove all of them." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct wish *w = ctx;

	if (!strcmp(o->name, "remove"))
		w->remove = value;
	else
		w->prune = true;
	return 0;
}

static const struct opts roots_opts = {
	.usage = "roots [--remove DIGEST | --prune]",
	.about = "Lists the disks that \"ring3 run --root\" has made of archives and images and\n"
		 "keeps, the last used first. They are made again when they are needed, and go\n"
		 "by themselves when all take more than 20 GiB. Guests that run from one go on.",
	.table = table,
	.set = set_option,
};

static void show(const struct rootcache_entry *list, int n)
{
	char when[32];
	int i;

	printf("%-64s  %9s  %s\n", "DIGEST", "MIB", "LAST USED");
	for (i = 0; i < n; i++) {
		time_t used = list[i].used;
		struct tm tm;

		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", localtime_r(&used, &tm));
		printf("%-64s  %9llu  %s\n", list[i].digest, (unsigned long long)((list[i].bytes + (1 << 20) - 1) >> 20), when);
	}
}

static int remove_one(int dir, const char *path, const struct rootcache_entry *list, int n, const char *begin, struct r3_err *err)
{
	const char *found = NULL;
	int i;

	for (i = 0; i < n; i++) {
		if (!*begin || strncmp(list[i].digest, begin, strlen(begin)))
			continue;
		if (found)
			return err_set(err, EINVAL, "--remove %s: several digests begin so; give more of it", begin);
		found = list[i].digest;
	}
	if (!found)
		return err_set(err, ENOENT, "--remove %s: none begins so in %s; \"ring3 roots\" lists them", begin, path);
	return rootcache_remove(dir, found, err);
}

int roots_main(int argc, char **argv)
{
	cleanup_free struct rootcache_entry *list = NULL;
	cleanup_close int dir = -1;
	struct wish w = { NULL };
	char path[PATH_MAX];
	struct r3_err err;
	bool dashes;
	int ret = opts_parse(&roots_opts, argc, argv, &w, &dashes, &err), n;

	if (ret >= 0 && ret < argc)
		ret = err_set(&err, EINVAL, "unexpected word %s: ring3 %s", argv[ret], roots_opts.usage);
	if (ret >= 0 && w.prune && w.remove)
		ret = err_set(&err, EINVAL, "--prune and --remove exclude each other");
	if (ret < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	dir = rootcache_open(path, sizeof(path), &err);
	n = dir < 0 ? dir : rootcache_list(dir, &list);
	if (dir >= 0 && n < 0)
		err_set(&err, n, "the cache %s cannot be read: %s", path, strerror(-n));
	ret = n;
	if (n >= 0 && w.prune)
		rootcache_trim(dir, 0);
	else if (n >= 0 && w.remove)
		ret = remove_one(dir, path, list, n, w.remove, &err);
	else if (n >= 0)
		show(list, n);
	if (ret >= 0)
		return CLI_OK;
	message("%s", err.msg);
	return CLI_FAILED;
}
