/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes of an archive, a part of an open file: hashed as they are read, unpacked as
 * their own first bytes say, and hashed again.
 */
#ifndef R3_UNPACK_SOURCE_H
#define R3_UNPACK_SOURCE_H

#include <archive.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define SOURCE_BUFFER	(256 * 1024)
#define HEX_DIGEST	(2 * SHA256_DIGEST_SIZE + 1)

/* What all of an image may unpack to. */
#define UNPACKED_MAX	(64ULL << 30)

struct progress {
	uint64_t done, total;
	void (*show)(unsigned int percent);
	unsigned int percent;
	uint64_t unpacked;
};

struct source {
	int fd;
	uint64_t off, left;
	struct progress *progress;
	struct archive *filter;		/* unpacks; its only entry is all of the data */
	struct z_stream_s *gzip;	/* in its place for gzip, whose checksums the library above does not look at */
	bool gzip_over;
	struct archive *tar;		/* reads what that gives */
	struct sha256_ctx packed, plain;
	uint64_t nr_plain;
	uint8_t tail[512];		/* the last bytes of what it unpacks to */
	bool too_much;
	int io_errno;
	char wrong[128];		/* what unpacking it has found wrong */
	uint8_t *buf[2];
};

/* The whole of a file, as text with a 0 behind it; to be freed. */
int source_text(int fd, uint64_t size, uint64_t max, char **text, struct r3_err *err);

/* The digest of @size bytes of the file from @off on. */
int source_digest(int fd, uint64_t off, uint64_t size, struct progress *progress, char *hex, struct r3_err *err);

/* Opens source->tar on what the bytes unpack to. */
int source_open(struct source *s, int fd, uint64_t off, uint64_t size, struct progress *progress, struct r3_err *err);
/* Reads what is left, so that the digests are of all. They may be NULL. */
int source_finish(struct source *s, char *packed, char *plain, struct r3_err *err);
void source_close(struct source *s);

/* What it unpacks to goes to another file. Return: bytes, or -errno. */
int64_t source_copy(int fd, uint64_t size, int to, struct progress *progress, struct r3_err *err);
/* Whether it is packed at all, by its first bytes. */
int source_is_packed(int fd, uint64_t size, bool *packed, struct r3_err *err);

/* The sentence about what was found wrong with it. */
int source_wrong(struct source *s, struct r3_err *err);

bool hex_digest_ok(const char *text);

#endif
