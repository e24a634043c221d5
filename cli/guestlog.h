/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of a guest without a terminal: what its command and its console wrote,
 * and what ring3 had to say. Two files in the machine's folder, the older one
 * replaced when the newer is full, so never more than twice GUESTLOG_MAX. A record
 * is a line "STREAM SECONDS.MILLISECONDS LENGTH", that many bytes as they were
 * written, and a line end.
 */
#ifndef R3_GUESTLOG_H
#define R3_GUESTLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUESTLOG_FILE	"log"
#define GUESTLOG_OLD	"log.1"
#define GUESTLOG_MAX	(1 << 20)
#define GUESTLOG_PIECE	16384		/* of a record, at most */

enum guestlog_stream {
	GUESTLOG_OUT = 'o',
	GUESTLOG_ERR = 'e',
	GUESTLOG_CONSOLE = 'c',
	GUESTLOG_RING3 = 'r',
};

struct guestlog {
	int dir;			/* the folder, the caller's */
	int fd;				/* -1: closed */
	size_t size;
};

/* anew: without what former guests of this name wrote. 0 or -errno. */
int guestlog_open(struct guestlog *log, int dir, bool anew);
void guestlog_add(struct guestlog *log, enum guestlog_stream stream, const void *data, size_t len);
void guestlog_close(struct guestlog *log);

struct guestlog_record {
	char stream;
	int64_t ms;			/* since the epoch */
	const char *data;
	size_t len;
};

/*
 * The record at the begin of text: its length with all that belongs to it, 0 if it is
 * not complete yet, -EINVAL if it is none.
 */
long guestlog_parse(const char *text, size_t len, struct guestlog_record *rec);

#endif
