/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walls that are alike for every process in a jail. Each returns 0, or -errno:
 * what the host said.
 */
#ifndef R3_WALLS_H
#define R3_WALLS_H

#include <stddef.h>
#include <sys/types.h>

/* None, not over namespaces of its own either, and none to gain. */
int wall_no_capabilities(void);
int wall_no_core_dumps(void);

/* In a mount namespace of one's own: the mount tree becomes an empty, read-only file system. */
int wall_empty_root(void);

/* The same in two steps, to put something in between: it is mounted, and the working directory; */
int wall_mount_root(unsigned long flags, const char *options);
/* it becomes the root, and all others are gone. */
int wall_enter_root(void);

/* New namespaces (CLONE_NEW*) beside a user namespace; one by one if need be: some hosts have limits for some kinds. */
int wall_namespaces(int kinds);
/* In a user namespace: who is nobody in one can make nothing in it. */
int wall_map_self(uid_t uid, gid_t gid);

/* A limit (RLIMIT_*) that is no higher than this from now on. */
int wall_limit(int what, unsigned long max);

/* Adds a wall that is missing to a list of them for people, if it is: @ret is what it returned. */
void wall_want(int ret, const char *what, char *missing, size_t size);

#endif
