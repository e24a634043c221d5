// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation. Docker's rules: the command is the image's entrypoint and
 * then what the user gave as a command, or else the image's own; --entrypoint takes
 * the place of both. User, directory and variables are the image's unless options
 * say otherwise. All of that is text of a stranger: it is for the guest only.
 */
#include "roots.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "rootcache.h"
#include "rootref.h"
#include "unpack.h"

/* What the cache may grow to, with the one that is used now. */
#define CACHE_BYTES	(20ULL << 30)
#define WORDS_MAX	8192

struct wish {
	const char *user, *nouser, *cwd;
	char *env[ROOTS_MAX_ENV + 1], *entrypoint[WORDS_MAX], *cmd[WORDS_MAX];
	int nr_env, nr_entrypoint, nr_cmd;
};

static const char *value(char *text, const char *key)
{
	size_t n = strlen(key);

	return strncmp(text, key, n) || text[n] != '=' ? NULL : text + n + 1;
}

static int add(char **list, int *nr, int max, const char *text, const char *what, struct r3_err *err)
{
	if (*nr >= max)
		return err_set(err, E2BIG, "the image has more than %d %s", max, what);
	list[(*nr)++] = (char *)text;
	return 0;
}

static int parse(char *settings, size_t len, struct wish *w, struct r3_err *err)
{
	const char *v;
	char *p;
	int ret = 0;

	for (p = settings; !ret && p < settings + len; p += strlen(p) + 1) {
		if ((v = value(p, "user")))
			w->user = v;
		else if ((v = value(p, "nouser")))
			w->nouser = v;
		else if ((v = value(p, "cwd")))
			w->cwd = v;
		else if ((v = value(p, "env")))
			ret = add(w->env, &w->nr_env, ROOTS_MAX_ENV, v, "variables", err);
		else if ((v = value(p, "entrypoint")))
			ret = add(w->entrypoint, &w->nr_entrypoint, WORDS_MAX, v, "words in its entrypoint", err);
		else if ((v = value(p, "cmd")))
			ret = add(w->cmd, &w->nr_cmd, WORDS_MAX, v, "words in its command", err);
	}
	return ret;
}

static int set_user(struct run_options *opt, const struct wish *w, struct r3_err *err)
{
	if (opt->with_uid || opt->init)
		return 0;
	if (w->nouser)
		return err_set(err, ENOENT, "%s", w->nouser);
	if (!w->user || sscanf(w->user, "%u:%u", &opt->uid, &opt->gid) != 2)
		return 0;
	opt->with_uid = opt->uid || opt->gid;
	return 0;
}

/* Before those of the options, which come first for who looks a variable up; each once. */
static void set_env(struct run_options *opt, const struct wish *w)
{
	int i, k;

	for (i = 0; i < w->nr_env; i++) {
		size_t len = strcspn(w->env[i], "=");

		if (!len || w->env[i][len] != '=')
			continue;
		for (k = 0; k < opt->nr_env && strncmp(opt->env[k], w->env[i], len + 1); k++)
			;
		if (k == opt->nr_env)
			opt->env[opt->nr_env++] = w->env[i];
	}
}

/* @prefix, and then @words or what the options have. */
static int set_command(struct run_options *opt, char **prefix, int nr_prefix, char **words, int nr_words, struct r3_err *err)
{
	int given = 0, n = 0, i;
	char **argv;

	while (opt->argv && opt->argv[given])
		given++;
	if (given)
		nr_words = 0;
	if (!(nr_prefix + given + nr_words))
		return 0;
	argv = calloc(nr_prefix + given + nr_words + 1, sizeof(*argv));
	if (!argv)
		return err_set(err, ENOMEM, "no memory for the command");
	for (i = 0; i < nr_prefix; i++)
		argv[n++] = prefix[i];
	for (i = 0; i < given; i++)
		argv[n++] = opt->argv[i];
	for (i = 0; i < nr_words; i++)
		argv[n++] = words[i];
	opt->argv = argv;
	return 0;
}

static int use(struct run_options *opt, char *settings, size_t len, struct r3_err *err)
{
	static struct wish w;
	int ret = parse(settings, len, &w, err);

	if (!ret)
		ret = set_user(opt, &w, err);
	if (ret || opt->init)
		return ret;
	if (!opt->cwd && w.cwd && *w.cwd)
		opt->cwd = w.cwd;
	set_env(opt, &w);
	if (opt->entrypoint)
		return 0;
	return set_command(opt, w.entrypoint, w.nr_entrypoint, w.cmd, w.nr_cmd, err);
}

static int make_disk(struct run_options *opt, const struct rootref *ref, struct r3_err *err)
{
	static char path[PATH_MAX];
	char dir[PATH_MAX - 128], digest[ROOTCACHE_DIGEST];
	char *settings;
	size_t len;
	int fd, ret;

	if (opt->root_rw)
		return err_set(err, EINVAL, "--root-rw: the disk of an archive or an image is shared by all its guests and not written to; leave --root-rw out");
	if (opt->root_overlay)
		return err_set(err, EINVAL, "--root-overlay: the disk of an archive or an image is in a cache and may be removed; copy it first, "
			       "with \"ring3 roots\" and \"ring3 image convert\", and give the copy as --root");
	fd = rootcache_open(dir, sizeof(dir), err);
	if (fd < 0)
		return fd;
	ret = unpack_root(ref, opt->jail, fd, digest, err);
	if (!ret && !rootcache_have(fd, digest, &settings, &len))
		ret = err_set(err, ENOENT, "the root's file system vanished from the cache %s: try again", dir);
	/* It was used just now, so it is the last to go. */
	if (!ret)
		rootcache_trim(fd, CACHE_BYTES);
	close(fd);
	if (ret)
		return ret;
	rootcache_path(dir, digest, path, sizeof(path));
	opt->root_text = opt->root;
	opt->root = path;
	/* The settings stay: options point into them. */
	return use(opt, settings, len, err);
}

int roots_prepare(struct run_options *opt, struct r3_err *err)
{
	struct rootref ref = { .kind = ROOTREF_DISK };
	char *entrypoint[] = { (char *)opt->entrypoint };
	int ret = opt->root ? rootref_parse(opt->root, &ref, err) : 0;

	if (!ret && ref.kind != ROOTREF_DISK)
		ret = make_disk(opt, &ref, err);
	if (ret || !opt->entrypoint || opt->init)
		return ret;
	return set_command(opt, entrypoint, *opt->entrypoint ? 1 : 0, NULL, 0, err);
}
