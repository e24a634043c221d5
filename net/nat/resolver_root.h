/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What resolving a name reads of the host, and a root directory with no more in
 * it: Landlock keeps nobody from connecting to sockets that have a path, such as
 * those of other guests or of a service manager.
 */
#ifndef R3_RESOLVER_ROOT_H
#define R3_RESOLVER_ROOT_H

#include <sys/types.h>

/* Calls @visit with each directory, until one returns other than 0, which is returned. */
int resolver_root_each(int (*visit)(const char *path, void *arg), void *arg);

/**
 * resolver_root() - they become all that there is
 * @uid, @gid: of the process outside of its user namespace
 *
 * In user and mount namespaces of the process's own. Return: 0, or -errno; then it
 * may have another working directory, and the root is the old one.
 */
int resolver_root(uid_t uid, gid_t gid);

#endif
