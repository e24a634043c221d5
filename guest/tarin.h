/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tar archive on stdin, as `ring3 cp` makes one: with pax headers. */
#ifndef R3_GUEST_TARIN_H
#define R3_GUEST_TARIN_H

#include <limits.h>

#include "place.h"

#define TARIN_PARTS	65536		/* of one file, at most */

struct tarin_part {
	uint64_t off, len;
};

struct tarin {
	struct place_entry entry;	/* until the next */
	uint64_t left, pad;		/* of its data, as it is in the archive */
	uint64_t size;			/* of the file */
	struct tarin_part *part;	/* of a file with holes, where its data is; NULL: all of it */
	unsigned int nr_parts, at;	/* the one that comes next */
	uint64_t off;			/* in the file; with parts, in that one */
	struct place_xattr xattr[PLACE_XATTRS];
	char *pax;			/* their names and values */
	char path[PATH_MAX], link[PATH_MAX];
};

/* 1: there is one more entry, 0: there is none, or -errno. */
int tarin_next(struct tarin *in);
/* Bytes of its data that belong at *off of the file, 0 at their end, or -errno. */
ssize_t tarin_block(struct tarin *in, void *buf, size_t len, uint64_t *off);

#endif
