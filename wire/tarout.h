/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tree of files as a tar archive (pax) on a descriptor. For `ring3 cp`, on both ends. */
#ifndef R3_WIRE_TAROUT_H
#define R3_WIRE_TAROUT_H

#include <stdbool.h>
#include <stddef.h>

#include "place.h"

#define TAROUT_BUFFER	65536

struct tarout {
	int fd;
	size_t len;
	char path[4096];		/* which one failed */
	unsigned int changed;		/* files that changed while they were read */
	void *links;			/* files with several names: see tsearch() */
	bool holes;			/* the entry at hand has them, and is so long: */
	uint64_t real;
	char buf[TAROUT_BUFFER];
};

/* One entry's head, with its extended attributes; its data follows by tarout_write(), @size bytes, and tarout_pad(). */
int tarout_head(struct tarout *t, const struct place_entry *e, uint64_t size);
int tarout_write(struct tarout *t, const void *data, size_t len);
int tarout_pad(struct tarout *t, uint64_t size);

/**
 * tarout_tree() - a file, or a directory and all that is in it
 * @top: what @path is called in the archive
 * @follow: a symbolic link at @path itself
 */
int tarout_tree(struct tarout *t, const char *path, const char *top, bool follow);
/* The end of the archive. */
int tarout_end(struct tarout *t);

#endif
