// SPDX-License-Identifier: GPL-2.0-or-later
#include "guestlog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

#define HEAD_MAX	64

static int open_file(struct guestlog *log, int flags)
{
	struct stat st;

	log->fd = openat(log->dir, GUESTLOG_FILE, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (log->fd < 0)
		return -errno;
	log->size = fstat(log->fd, &st) ? 0 : st.st_size;
	return 0;
}

int guestlog_open(struct guestlog *log, int dir, bool anew)
{
	*log = (struct guestlog){ .dir = dir, .fd = -1 };
	if (anew) {
		unlinkat(dir, GUESTLOG_OLD, 0);
		unlinkat(dir, GUESTLOG_FILE, 0);
	}
	return open_file(log, 0);
}

void guestlog_close(struct guestlog *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

/* A reader that is at the end of the old one goes on with the new one. */
static void rotate(struct guestlog *log)
{
	close(log->fd);
	log->fd = -1;
	if (renameat(log->dir, GUESTLOG_FILE, log->dir, GUESTLOG_OLD) < 0)
		unlinkat(log->dir, GUESTLOG_FILE, 0);
	open_file(log, O_EXCL);
}

/* A record is there as a whole or not at all: a disk may be full now and have room later. */
static void add_piece(struct guestlog *log, char stream, const char *data, size_t len)
{
	char head[HEAD_MAX];
	struct timespec ts;
	struct iovec iov[3];
	ssize_t n, all;

	clock_gettime(CLOCK_REALTIME, &ts);
	n = snprintf(head, sizeof(head), "%c %" PRId64 ".%03ld %zu\n", stream, (int64_t)ts.tv_sec, ts.tv_nsec / 1000000, len);
	all = n + len + 1;
	if (log->fd >= 0 && log->size + all > GUESTLOG_MAX)
		rotate(log);
	if (log->fd < 0)
		return;
	iov[0] = (struct iovec){ head, n };
	iov[1] = (struct iovec){ (void *)data, len };
	iov[2] = (struct iovec){ "\n", 1 };
	n = writev(log->fd, iov, 3);
	if (n == all)
		log->size += n;
	else if (n > 0 && ftruncate(log->fd, log->size) < 0)
		guestlog_close(log);
}

void guestlog_add(struct guestlog *log, enum guestlog_stream stream, const void *data, size_t len)
{
	const char *p = data;

	while (len && log->fd >= 0) {
		size_t n = min_t(size_t, len, GUESTLOG_PIECE);

		add_piece(log, stream, p, n);
		p += n;
		len -= n;
	}
}

/* Digits and what follows them, or NULL. */
static const char *number(const char *p, const char *end, char after, uint64_t *value)
{
	const char *start = p;

	for (*value = 0; p < end && *p >= '0' && *p <= '9' && p - start < 15; p++)
		*value = *value * 10 + (*p - '0');
	return p > start && p < end && *p == after ? p + 1 : NULL;
}

long guestlog_parse(const char *text, size_t len, struct guestlog_record *rec)
{
	const char *end = memchr(text, '\n', min_t(size_t, len, HEAD_MAX)), *p;
	uint64_t s, ms, n;

	if (!end)
		return len >= HEAD_MAX ? -EINVAL : 0;
	end++;
	if (end - text < 4 || !strchr("oecr", text[0]) || text[1] != ' ')
		return -EINVAL;
	p = number(text + 2, end, '.', &s);
	p = p ? number(p, end, ' ', &ms) : NULL;
	p = p ? number(p, end, '\n', &n) : NULL;
	if (!p || n > GUESTLOG_PIECE || ms > 999)
		return -EINVAL;
	if ((size_t)(text + len - p) < n + 1)
		return 0;
	if (p[n] != '\n')
		return -EINVAL;
	*rec = (struct guestlog_record){ .stream = text[0], .ms = s * 1000 + ms, .data = p, .len = n };
	return p + n + 1 - text;
}
