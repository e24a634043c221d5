/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * File systems made of archives and images, each under the digest of what it was
 * made of, so none is ever stale. What is in the making has no name; it gets one
 * when it is complete. Guests keep a file open that is removed meanwhile.
 */
#ifndef R3_ROOTCACHE_H
#define R3_ROOTCACHE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

#define ROOTCACHE_DIGEST	65	/* of sha256, in hexadecimal */

/* One that is being made. */
struct rootcache_new {
	int lock, image, settings;
	char digest[ROOTCACHE_DIGEST];
	char temp[2][32];		/* names where the host has no files without */
};

struct rootcache_entry {
	char digest[ROOTCACHE_DIGEST];
	uint64_t bytes;			/* on the host's disk */
	int64_t used;			/* when, last */
};

/* The directory, made if it is missing. Return: a descriptor, or -errno. */
int rootcache_open(char *path, size_t size, struct r3_err *err);

/* Whether it is there, as what is used from now on; and its settings, to be freed. */
bool rootcache_have(int dir, const char *digest, char **settings, size_t *len);
void rootcache_path(const char *dir, const char *digest, char *path, size_t size);

/* Waits for the lock of that digest. 1: somebody has made it meanwhile. */
int rootcache_begin(int dir, const char *digest, struct rootcache_new *new, struct r3_err *err);
int rootcache_commit(int dir, struct rootcache_new *new, struct r3_err *err);
void rootcache_abort(int dir, struct rootcache_new *new);

/* A file without a name, in the cache's file system. */
int rootcache_scratch(int dir, struct r3_err *err);

/*
 * What a file was found to hold, so that it need not be read again while it is the
 * same one. @st was taken before it was read.
 */
bool rootcache_recall(int dir, const struct stat *st, const char *what, char *digest);
void rootcache_note(int dir, const struct stat *st, int fd, const char *what, const char *digest);

/* Those used least recently are removed until all take no more than @bytes. Return: how many were. */
int rootcache_trim(int dir, uint64_t bytes);
int rootcache_remove(int dir, const char *digest, struct r3_err *err);
/* All of them, the last used first; to be freed. Return: how many, or -errno. */
int rootcache_list(int dir, struct rootcache_entry **list);

#endif
