// SPDX-License-Identifier: GPL-2.0-or-later
#include "rootref.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/util.h"

static const struct {
	const char *prefix;
	enum rootref_kind kind;
} prefixes[] = {
	{ "oci:", ROOTREF_OCI },
	{ "docker-archive:", ROOTREF_DOCKER },
	{ "tar:", ROOTREF_TAR },
};

static const char *const endings[] = {
	".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tzst", ".tar.bz2", ".tbz2", ".tar.lz4", ".tar.lz", ".tar.lzma",
};

const char *rootref_kind_name(enum rootref_kind kind)
{
	static const char *const names[] = {
		[ROOTREF_DISK] = "disk",
		[ROOTREF_TAR] = "tar",
		[ROOTREF_OCI] = "oci",
		[ROOTREF_DOCKER] = "docker-archive",
	};

	return names[kind];
}

static bool exists(const char *path, size_t len, enum rootref_kind kind)
{
	char text[PATH_MAX];
	struct stat st;

	if (!len || len >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)len, path);
	return !stat(text, &st) && (kind == ROOTREF_OCI) == S_ISDIR(st.st_mode);
}

/* PATH[:NAME]: both may have colons, so what exists decides. */
static int split(const char *text, struct rootref *ref, struct r3_err *err)
{
	size_t len = strlen(text), at = len, n;

	if (ref->kind != ROOTREF_TAR && !exists(text, len, ref->kind)) {
		for (n = strcspn(text, ":"); n < len; n += 1 + strcspn(text + n + 1, ":"))
			if (exists(text, n, ref->kind)) {
				at = n;
				break;
			}
		/* Nothing of it does: the message is about the likely path. */
		if (at == len && strrchr(text, ':') && !strchr(strrchr(text, ':'), '/'))
			at = strcspn(text, ":");
	}
	if (!at || at >= sizeof(ref->path))
		return err_set(err, EINVAL, "--root %s: a path is missing, or too long", rootref_kind_name(ref->kind));
	snprintf(ref->path, sizeof(ref->path), "%.*s", (int)at, text);
	if (at < len) {
		text += at + 1;
		if (!*text || strlen(text) >= sizeof(ref->name))
			return err_set(err, EINVAL, "--root %s:%s: after the colon the name of an image has to follow", rootref_kind_name(ref->kind), ref->path);
		snprintf(ref->name, sizeof(ref->name), "%s", text);
	}
	return 0;
}

int rootref_parse(const char *text, struct rootref *ref, struct r3_err *err)
{
	size_t len = strlen(text), i, n;

	*ref = (struct rootref){ .kind = ROOTREF_DISK };
	for (i = 0; i < ARRAY_SIZE(prefixes); i++) {
		n = strlen(prefixes[i].prefix);
		if (strncmp(text, prefixes[i].prefix, n))
			continue;
		ref->kind = prefixes[i].kind;
		return split(text + n, ref, err);
	}
	for (i = 0; i < ARRAY_SIZE(endings); i++) {
		n = strlen(endings[i]);
		if (len > n && !strcasecmp(text + len - n, endings[i])) {
			ref->kind = ROOTREF_TAR;
			return split(text, ref, err);
		}
	}
	return 0;
}
