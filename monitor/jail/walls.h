/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walls that are alike for every process in a jail. Each returns 0, or -errno:
 * what the host said.
 */
#ifndef R3_WALLS_H
#define R3_WALLS_H

/* None, not over namespaces of its own either, and none to gain. */
int wall_no_capabilities(void);
int wall_no_core_dumps(void);

/* In a mount namespace of one's own: the mount tree becomes an empty, read-only file system. */
int wall_empty_root(void);

/* The same in two steps, to put something in between: it is mounted, and the working directory; */
int wall_mount_root(unsigned long flags, const char *options);
/* it becomes the root, and all others are gone. */
int wall_enter_root(void);

#endif
