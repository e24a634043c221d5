/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disk images of formats that QEMU's programs know: what an image is made of.
 *
 * An image may name other files: the base that it is an overlay of, the parts that it is
 * split into. Who wrote it decides on those names, and could name any file of the user's.
 * So qemu-storage-daemon never follows a name itself: all are found here, one after the
 * other, by `qemu-img info`, refused if they are not plain files with a format that is
 * said, and then given to it, with the formats.
 *
 * The format of a file is said by the user or by the file's suffix, of a base by its
 * overlay. It is never guessed from the content, which a guest may have written.
 */
#ifndef R3_QIMAGE_H
#define R3_QIMAGE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define QIMAGE_RAW		"raw"
#define QIMAGE_OVERLAY		"qcow2"

#define QIMAGE_MAX_LEVELS	16
#define QIMAGE_MAX_PARTS	32

struct qimage_level {
	char path[PATH_MAX];		/* absolute; empty: fd */
	const char *format;
	int fd;				/* -1, or an open file without a name */
	bool write;
};

struct qimage {
	struct qimage_level level[QIMAGE_MAX_LEVELS];	/* the one that the guest sees first, each on top of the next */
	int nr;
	char *part[QIMAGE_MAX_PARTS];	/* further files, to be freed */
	bool part_write[QIMAGE_MAX_PARTS];	/* as the level that it is of */
	int nr_parts;
	uint64_t size;			/* bytes, as the guest sees it */
	bool discard;
};

/* A format's name as QEMU has it, or NULL with err set. */
const char *qimage_format(const char *option, const char *word, struct r3_err *err);

/*
 * The format that goes with the suffix of a file. A file whose suffix says nothing is raw,
 * but refused if it begins like an image of a known format. NULL with err set.
 */
const char *qimage_format_of(const char *path, struct r3_err *err);

enum qimage_use {
	QIMAGE_READ,			/* others may read it, too */
	QIMAGE_WRITE,			/* nobody else uses it; its bases are only read */
	QIMAGE_LOOK,			/* whoever uses it */
};

/**
 * qimage_open() - find out what an image is made of
 *
 * Refused is one that is in use, or has a base that is missing or without a format.
 *
 * Return: 0 with @img filled, to be closed; or -errno with @err set.
 */
int qimage_open(struct qimage *img, const char *path, const char *format, enum qimage_use use, struct r3_err *err);

/* Is somebody else writing to the file, or, if it is to be written, using it at all? -EBUSY with err set. */
int qimage_in_use(const char *path, bool write, struct r3_err *err);

/* The absolute path of a file that may not exist yet, in a directory that does. 0, or -errno with err set. */
int qimage_absolute(const char *path, char absolute[PATH_MAX], struct r3_err *err);

/* Puts an overlay in front. Takes @fd, or copies @path if that is -1. */
int qimage_push(struct qimage *img, const char *path, int fd, struct r3_err *err);

/*
 * Runs qemu-img with these words, behind its name. What it writes to stdout is in *out, to be
 * freed, and may be set although it failed; NULL if nobody wants it. walls: files that it may use.
 */
struct confine;
int qimage_tool(const char *const *words, const int *fds, int nr_fds, const struct confine *walls, char **out, struct r3_err *err);

void qimage_close(struct qimage *img);

#endif
