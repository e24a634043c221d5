/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of names that grows. Without memory it ends early: it is for people, or to be asked for one by one. */
#ifndef R3_NAMELIST_H
#define R3_NAMELIST_H

#include <stdbool.h>
#include <stddef.h>

struct namelist {
	char **name;
	size_t nr, room;
};

/* A copy of it. False without memory. */
bool namelist_add(struct namelist *list, const char *name);

/* Sorted, to the caller, who frees list and names. Return: how many. */
int namelist_take(struct namelist *list, char ***names);

#endif
