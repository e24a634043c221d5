// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "installed.h"
#include "parts.h"

bool parts_add(struct parts_args *a, const char *word)
{
	if (a->nr == PARTS_MAX_ARGS)
		return false;
	a->word[2 + a->nr++] = (char *)word;
	return true;
}

void parts_add_option(struct parts_args *a, const char *option, const char *value)
{
	if (value && parts_add(a, option))
		parts_add(a, value);
}

int parts_exec(const char *script, struct parts_args *a, struct r3_err *err)
{
	const char *path = installed_part(script);
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (!path)
		return err_set(err, ENOENT, "%s is not installed: it is in ring3's source tree", script);
	if (a->nr == PARTS_MAX_ARGS)
		return err_set(err, E2BIG, "at most %d words can be given", PARTS_MAX_ARGS - 1);
	if (n > 0) {
		self[n] = '\0';
		setenv("RING3", self, 1);
	}
	a->word[0] = "bash";
	a->word[1] = (char *)path;
	a->word[2 + a->nr] = NULL;
	execvp(a->word[0], a->word);
	return err_set(err, errno, "cannot start bash: %s", strerror(errno));
}
