// SPDX-License-Identifier: GPL-2.0-or-later
#include "installed.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The directory above the one that this program is in. */
static bool above(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	int i;

	if (n <= 0)
		return false;
	path[n] = '\0';
	for (i = 0; i < 2 && strrchr(path, '/'); i++)
		*strrchr(path, '/') = '\0';
	return true;
}

static const char *readable(const char *dir, const char *sub, const char *name)
{
	char *path;

	if (asprintf(&path, "%s%s/%s", dir, sub, name) < 0)
		return NULL;
	if (!access(path, R_OK))
		return path;
	free(path);
	return NULL;
}

const char *installed_file(const char *name)
{
	char dir[PATH_MAX];

	/* PREFIX/bin/ring3 */
	return above(dir) ? readable(dir, "/lib/ring3", name) : NULL;
}

const char *installed_part(const char *name)
{
	char dir[PATH_MAX], tree[PATH_MAX] = "";
	const char *path = above(dir) ? readable(dir, "/share/ring3", name) : NULL;
	FILE *f;

	if (path)
		return path;
	/* BUILD/cli/ring3; meson writes where the sources are. */
	if (strlen(dir) > PATH_MAX - sizeof("/source-root"))
		return NULL;
	f = fopen(strcat(dir, "/source-root"), "re");
	if (f && fgets(tree, sizeof(tree), f))
		tree[strcspn(tree, "\n")] = '\0';
	if (f)
		fclose(f);
	return tree[0] ? readable(tree, "", name) : NULL;
}
