// SPDX-License-Identifier: GPL-2.0-or-later
#include "installed.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *installed_file(const char *name)
{
	char self[PATH_MAX], *path = NULL;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int i;

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	/* PREFIX/bin/ring3 */
	for (i = 0; i < 2; i++)
		*strrchr(self, '/') = '\0';
	if (asprintf(&path, "%s/lib/ring3/%s", self, name) < 0)
		return NULL;
	if (!access(path, R_OK))
		return path;
	free(path);
	return NULL;
}
