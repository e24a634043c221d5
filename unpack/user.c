// SPDX-License-Identifier: GPL-2.0-or-later
#include "user.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool number(const char *text, size_t len, uint32_t *value)
{
	uint64_t n = 0;
	size_t i;

	if (!len || len > 10)
		return false;
	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + text[i] - '0';
	}
	*value = n;
	return n < UINT32_MAX;
}

/* The n-th field of a line, from 0. */
static const char *field(const char *line, unsigned int n, size_t *len)
{
	const char *end = line + strcspn(line, "\n");

	for (; n; n--) {
		line += strcspn(line, ":\n");
		if (line == end)
			return NULL;
		line++;
	}
	*len = strcspn(line, ":\n");
	return line;
}

/* The line whose field @n is the @len bytes of @text. */
static const char *find(const char *lines, unsigned int n, const char *text, size_t len)
{
	const char *have;
	size_t size;

	for (; *lines; lines += strcspn(lines, "\n"), lines += *lines == '\n') {
		have = field(lines, n, &size);
		if (have && size == len && !memcmp(have, text, len))
			return lines;
	}
	return NULL;
}

static bool field_number(const char *line, unsigned int n, uint32_t *value)
{
	const char *text;
	size_t len;

	text = line ? field(line, n, &len) : NULL;
	return text && number(text, len, value);
}

int user_resolve(const char *spec, const char *passwd, const char *group, uint32_t *uid, uint32_t *gid, struct r3_err *err)
{
	size_t len = strcspn(spec, ":");
	const char *g = spec[len] ? spec + len + 1 : "", *line;
	char text[16];

	*uid = *gid = 0;
	line = find(passwd, 0, spec, len);
	if (line) {
		if (!field_number(line, 2, uid) || !field_number(line, 3, gid))
			return err_set(err, EINVAL, "the image's /etc/passwd says nothing of use about its user %.*s", (int)len, spec);
	} else if (len && !number(spec, len, uid)) {
		return err_set(err, ENOENT, "the image runs as the user %.*s, which its /etc/passwd does not have; give --user", (int)len, spec);
	} else if (len) {
		/* A user by number has the group of that user, if there is one. */
		snprintf(text, sizeof(text), "%u", *uid);
		field_number(find(passwd, 2, text, strlen(text)), 3, gid);
	}
	if (!*g || number(g, strlen(g), gid))
		return 0;
	if (!field_number(find(group, 0, g, strlen(g)), 2, gid))
		return err_set(err, ENOENT, "the image runs as the group %s, which its /etc/group does not have; give --user", g);
	return 0;
}
