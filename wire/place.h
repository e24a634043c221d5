/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Entries of an archive become files below one directory, whatever the archive
 * says: a path is followed through directories only, never through a symbolic link,
 * and never out. For `ring3 cp`, on both ends.
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
};

struct place_dir;

struct place {
	int root;
	unsigned int flags;
	struct place_dir *dirs;		/* whose modes and times are set at the end */
	unsigned int skipped;		/* devices and sockets that were not made */
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
/* Modes and times of directories; frees what is kept. */
int place_finish(struct place *p);

/* Whether no part of @path is "..", and it is not empty. Leading slashes go. */
bool place_path_ok(const char **path);

#endif
