/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest kernels that kernel/build.sh has built under a name, and those that lie in the tree
 * where they were built. Each of the first is a folder, $XDG_DATA_HOME/ring3/kernels/NAME, with
 * vmlinux, modules.img and others, and "about", of lines "source=" and "config=".
 */
#ifndef R3_KERNELS_H
#define R3_KERNELS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct kernel {
	char name[NAME_MAX + 1];
	char release[80];		/* "" if it is not known, as below */
	char source[PATH_MAX];		/* a series, or the absolute path of a tree */
	char config[256];		/* names of fragments */
	uint64_t bytes;			/* on the disk; what several kernels share counts for each */
	int64_t built;			/* when, in seconds since 1970 */
};

/* All that have a name, sorted by that. Return: how many, or -errno. */
int kernels_list(struct kernel **list, struct r3_err *err);

/* With the objects that were kept for the next build under that name. */
int kernels_remove(const char *name, struct r3_err *err);

/*
 * kernels_resolve() - what a user calls a kernel
 * @what: a name; a tree or build directory; a directory that has vmlinux and modules.img; else a file
 * @vmlinux, @modules: to be freed. NULL: @what is a file itself; it has no modules
 */
int kernels_resolve(const char *what, char **vmlinux, char **modules, struct r3_err *err);

#endif
