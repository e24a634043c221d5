/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring3-unpack, a process that reads archives of strangers, and the files that it gets. */
#ifndef R3_UNPACK_H
#define R3_UNPACK_H

#include "jail/jail.h"
#include "rootcache.h"
#include "rootref.h"

/**
 * unpack_root() - have the file system of what @ref names in the cache
 * @dir: the cache
 * @digest: under which it is there
 */
int unpack_root(const struct rootref *ref, enum jail_mode jail, int dir, char *digest, struct r3_err *err);

#endif
