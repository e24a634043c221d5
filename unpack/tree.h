/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file system that archives describe, in memory: names and attributes, and for
 * files where their data is. Paths of archives are paths of this tree and of
 * nothing else, so none of them can lead out of it.
 */
#ifndef R3_UNPACK_TREE_H
#define R3_UNPACK_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define TREE_MAX_ENTRIES	(2 * 1024 * 1024)
#define TREE_MAX_PATH		4096
#define TREE_MAX_NAME		255
#define TREE_MAX_DEPTH		1024
#define TREE_MAX_LINKS		65000	/* ext4's */
#define TREE_MAX_XATTRS		64
#define TREE_MAX_XATTR_BYTES	3800	/* of one file: what ext4 has room for */

/* Blocks of a file that lie together. */
struct run {
	uint64_t file_block, disk_block;
	uint32_t n;
};

struct xattr {
	char *name;
	void *value;
	size_t len;
};

/* What an inode is. */
struct node {
	uint32_t mode, uid, gid;
	uint32_t major, minor;
	int64_t mtime;
	uint32_t mtime_nsec;
	uint64_t size;
	uint32_t links;			/* names it has; of a directory: 1 */
	uint32_t ino;			/* 0: none yet */
	bool written;
	unsigned int depth;		/* of a directory */
	unsigned int subdirs;
	char *target;			/* of a symbolic link */
	struct run *run;
	unsigned int nr_runs;
	struct xattr *xattr;
	unsigned int nr_xattrs;
	struct node *parent;		/* of a directory */
	void *names;			/* of a directory: a tree of struct name, see tsearch() */
};

struct name {
	struct node *node;
	unsigned int layer;		/* that has brought it last */
	char text[];
};

struct tree {
	struct node *root;
	unsigned int nr_entries;
	/* The blocks of a file that nothing leads to any more. */
	void (*drop)(void *ctx, struct node *node);
	void *ctx;
};

/* One entry of an archive. */
struct tree_entry {
	const char *path;
	const char *hardlink;		/* NULL: it is none */
	const char *symlink;
	unsigned int layer;
	struct node attr;		/* mode, owner, times, device */
};

int tree_init(struct tree *tree, struct r3_err *err);
void tree_free(struct tree *tree);

/**
 * tree_add() - put one entry into the tree, as unpacking it would
 * @node: what the name now leads to; NULL for what has no content to come
 *
 * A path's directories are made if they are missing, and symbolic links on its way
 * are followed inside the tree.
 */
int tree_add(struct tree *tree, const struct tree_entry *entry, struct node **node, struct r3_err *err);

/* Takes away what layers below this one have at @path; nothing there is no error. */
int tree_whiteout(struct tree *tree, const char *path, unsigned int layer, struct r3_err *err);
/* The same for all that is in the directory @path. */
int tree_opaque(struct tree *tree, const char *path, unsigned int layer, struct r3_err *err);

int tree_xattr(struct node *node, const char *name, const void *value, size_t len, struct r3_err *err);

/* What is at @path, with symbolic links followed inside the tree; NULL: nothing. */
struct node *tree_find(struct tree *tree, const char *path);
/* The directory @path, made if it is missing. */
int tree_make_dir(struct tree *tree, const char *path, struct r3_err *err);

/* Each name of a directory, sorted. Ends when @each returns other than 0, with that. */
int tree_each(const struct node *dir, int (*each)(void *ctx, const struct name *name), void *ctx);

#endif
