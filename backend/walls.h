/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walls that the jails of back ends have in common, and the monitor's does otherwise. Each returns 0, or -errno. */
#ifndef R3_BACKEND_WALLS_H
#define R3_BACKEND_WALLS_H

#include <stddef.h>
#include <sys/types.h>

/* New namespaces (CLONE_NEW*) beside a user namespace; one by one if need be: some hosts have limits for some kinds. */
int wall_namespaces(int kinds);
/* In a user namespace: who is nobody in one can make nothing in it. */
int wall_map_self(uid_t uid, gid_t gid);

/* A limit (RLIMIT_*) that is no higher than this from now on. */
int wall_limit(int what, unsigned long max);
/* As many descriptors as the process may have, and no more than this. */
int wall_files(unsigned long max);

/* Adds a wall that is missing to a list of them for people, if it is: @ret is what it returned. */
void wall_want(int ret, const char *what, char *missing, size_t size);

#endif
