// SPDX-License-Identifier: GPL-2.0-or-later
#include "namelist.h"

#include <stdlib.h>
#include <string.h>

#define STEP	64

bool namelist_add(struct namelist *list, const char *name)
{
	if (list->nr == list->room) {
		char **bigger = reallocarray(list->name, list->room + STEP, sizeof(*bigger));

		if (!bigger)
			return false;
		list->name = bigger;
		list->room += STEP;
	}
	list->name[list->nr] = strdup(name);
	return list->name[list->nr] && ++list->nr;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int namelist_take(struct namelist *list, char ***names)
{
	if (list->nr)
		qsort(list->name, list->nr, sizeof(*list->name), by_name);
	*names = list->name;
	return list->nr;
}
