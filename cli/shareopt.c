// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "shareopt.h"

#define FORM	"--share HOST[:GUEST][:ro][,KEY=VALUE...]"

static int wrong(const struct shareopt *opt, const char *why, struct r3_err *err)
{
	return err_set(err, EINVAL, "--share %s: %s", opt->text, why);
}

static int take_id(const struct shareopt *opt, const char *text, uint32_t *id, struct r3_err *err)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n >= UINT32_MAX)
		return wrong(opt, "uid= and gid= take a number", err);
	*id = n;
	return 0;
}

static int take_key(struct shareopt *opt, const char *key, struct r3_err *err)
{
	static const char *const caches[] = { "auto", "always", "none" };
	size_t i;

	if (!strcmp(key, "ro")) {
		opt->ro = true;
		return 0;
	}
	if (!strncmp(key, "cache=", 6)) {
		for (i = 0; i < ARRAY_SIZE(caches); i++)
			if (!strcmp(key + 6, caches[i])) {
				opt->cache = caches[i];
				return 0;
			}
		return wrong(opt, "cache= is auto, always or none", err);
	}
	if (!strcmp(key, "locks=host") || !strcmp(key, "locks=guest")) {
		opt->host_locks = key[6] == 'h';
		return 0;
	}
	if (!strncmp(key, "uid=", 4))
		return take_id(opt, key + 4, &opt->uid, err);
	if (!strncmp(key, "gid=", 4))
		return take_id(opt, key + 4, &opt->gid, err);
	return wrong(opt, "keys are cache=, locks=, uid=, gid= and ro; a folder with a comma or colon in its path is shared by a link to it without", err);
}

int shareopt_parse(struct shareopt *opt, const char *text, struct r3_err *err)
{
	char *rest, *paths, *part;
	int ret;

	*opt = (struct shareopt){ .text = text, .cache = "auto" };
	rest = opt->parts = strdup(text);
	if (!rest)
		return err_set(err, ENOMEM, "no memory for --share");
	paths = strsep(&rest, ",");
	while ((part = strsep(&rest, ","))) {
		ret = take_key(opt, part, err);
		if (ret)
			return ret;
	}
	opt->host = strsep(&paths, ":");
	if (!*opt->host)
		return wrong(opt, "the folder is missing: " FORM, err);
	while ((part = strsep(&paths, ":"))) {
		if (!strcmp(part, "ro")) {
			opt->ro = true;
		} else if (!strcmp(part, "rw")) {
			opt->ro = false;
		} else if (opt->guest) {
			return wrong(opt, "there is one path too many: " FORM, err);
		} else {
			opt->guest = part;
		}
	}
	if (opt->guest && opt->guest[0] != '/')
		return err_set(err, EINVAL, "--share %s: in the guest it needs an absolute path, not \"%s\": " FORM, text, opt->guest);
	return 0;
}

void shareopt_free(struct shareopt *opt)
{
	free(opt->parts);
	*opt = (struct shareopt){ 0 };
}

bool shareopt_same_place(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);

	while (la > 1 && a[la - 1] == '/')
		la--;
	while (lb > 1 && b[lb - 1] == '/')
		lb--;
	return la == lb && !memcmp(a, b, la);
}

int shareopt_check(const struct shareopt *opt, int nr, struct r3_err *err)
{
	int i, j;

	for (i = 0; i < nr; i++) {
		if (opt[i].guest && shareopt_same_place(opt[i].guest, "/"))
			return wrong(&opt[i], "the guest's root is what --root says; share it at another path", err);
		for (j = 0; j < i; j++)
			if (shareopt_same_place(opt[i].guest ? opt[i].guest : opt[i].host, opt[j].guest ? opt[j].guest : opt[j].host))
				return err_set(err, EINVAL, "--share %s and --share %s are at the same path in the guest: give one of them another", opt[j].text, opt[i].text);
	}
	return 0;
}
