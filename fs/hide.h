/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest is not shown of a host's own root, of which it has the programs and libraries.
 *
 * Theory of operation. Three rules, each enough by itself:
 *
 * - Of the directories at the top only those that hold programs and what belongs to them
 *   are shown with what is in them (the list is in hide.c).
 * - Only what every user of the host may read is shown: a file that others may not read, or a
 *   directory that they may not search, is hidden, whoever serves it.
 * - What is named is hidden: by the caller (hide_add()), and in hide.c.
 *
 * A hidden file is not there. A hidden directory is there and empty, as guests mount things on
 * some of them, and so is one that the host mounts something on. Names are known by their
 * directory's inode and by what they stood for at the start, so that a file that replaces
 * another is hidden as well. Landlock repeats the first and the third rule (hide_grant()).
 */
#ifndef R3_FS_HIDE_H
#define R3_FS_HIDE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "inode.h"

#define HIDE_NAMES_MAX	64

struct hide_id {
	dev_t dev;
	ino_t ino;
};

struct hide_name {
	char *path;			/* without the slash before it */
	const char *last;
	bool soft;			/* no secret: Landlock need not know it */
	bool found;			/* its directory is there */
	struct hide_id dir;
};

struct hide {
	struct hide_name name[HIDE_NAMES_MAX];
	size_t nr;
	struct hide_id *closed, root;
	size_t nr_closed;
};

/* From now on this share is a host's root. NULL without memory. */
struct hide *hide_new(void);
/* @path: absolute in the share, without links. What it names need not exist. 0 or -errno with err set. */
int hide_add(struct hide *h, const char *path, struct r3_err *err);
/* Once the share's root is open. 0 or -errno. */
int hide_start(struct hide *h, int root);

/* Whether the directory is shown as empty. */
bool hide_closed(const struct hide *h, const struct inode *dir);
/* Whether @name in @dir, which is @st by now and whose directory is @dir_st, is not there. */
bool hide_name(const struct hide *h, const struct stat *dir_st, const char *name, const struct stat *st);
/* Whether every user of the host may read it. */
bool hide_public(const struct stat *st);

/*
 * hide_grant() - call @grant with the smallest number of descriptors (O_PATH) below which is
 * all that is shown, as far as paths tell
 *
 * Return: 0, or the first error.
 */
int hide_grant(const struct hide *h, int root, int (*grant)(void *ctx, int fd), void *ctx);

static inline struct hide_id hide_id(const struct stat *st)
{
	return (struct hide_id){ st->st_dev, st->st_ino };
}

/* Whether what this directory at the top holds is shown. */
bool hide_is_shown(const char *name);

#endif
