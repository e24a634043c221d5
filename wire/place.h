/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of an archive become files below one directory, whatever the archive
 * says: a path is followed through directories only, never through a symbolic link,
 * and never out. For `ring3 cp`, on both ends.
 *
 * A top that was not there before, or is a file, is made under another name and has its
 * own at the end only: so what is cut off in the middle leaves nothing. Into a directory that
 * is there files come one by one, each whole or not at all.
 */
#ifndef R3_WIRE_PLACE_H
#define R3_WIRE_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What is taken over from the archive; the rest is as for any new file. */
#define PLACE_OWNERS	0x01
#define PLACE_SPECIAL	0x02		/* set-user-ID and set-group-ID bits */
#define PLACE_DEVICES	0x04

#define PLACE_XATTRS	64		/* of one entry, at most */
#define PLACE_TEMP_LEN	32

struct place_xattr {
	const char *name;
	const void *value;
	size_t len;
};

struct place_entry {
	const char *path;		/* relative; no ".." in it */
	const char *link;		/* target of a symbolic or hard link */
	bool hard;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t mtime;
	uint32_t nsec;
	unsigned int major, minor;
	const struct place_xattr *xattr;
	unsigned int nr_xattrs;
};

struct place_dir;

struct place {
	int root;
	unsigned int flags;
	struct place_dir *dirs;		/* whose modes and times are set at the end */
	unsigned int skipped;		/* devices and sockets that were not made */
	unsigned int bare;		/* files without extended attributes that they should have */
	const char *top;		/* what all paths begin with; NULL or ".": nothing is */
	bool begun;
	char temp[PLACE_TEMP_LEN];	/* what the top is called meanwhile; empty: by its name */
	int parent;			/* of the file that is being written; with its names */
	char file[256], file_temp[PLACE_TEMP_LEN];
};

/**
 * place_add() - make one entry
 * @fd: for a regular file what to write to, then place_end(); else -1
 *
 * Directories on the way are made. What is there is replaced, but no directory is.
 *
 * Return: 0, or -errno.
 */
int place_add(struct place *p, const struct place_entry *e, int *fd);
int place_end(struct place *p, const struct place_entry *e, int fd);
/* good: modes and times of directories, and names. Else what is not whole is removed. Frees what is kept. */
int place_finish(struct place *p, bool good);

/* Does an extended attribute of this name travel? */
bool place_xattr_ok(const char *name, unsigned int flags);

/* Whether no part of @path is "..", and it is not empty. Leading slashes go. */
bool place_path_ok(const char **path);

#endif
