// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "guestlog.h"
#include "kept.h"
#include "message.h"
#include "opts.h"
#include "values.h"

struct logs {
	bool follow, console, output, timestamps;
	unsigned int tail;
	bool has_tail;
	bool line_begins;		/* for time stamps */
};

static const struct opt table[] = {
	{ "follow", 'f', NULL, "Go on with what is added, until the guest ends." },
	{ "tail", 'n', "N", "Begin with the last N lines." },
	{ "console", 'c', NULL, "Only what the guest's kernel and init wrote to the console." },
	{ "output", 'o', NULL, "Only what the command wrote: its stdout to stdout, its stderr to stderr." },
	{ "timestamps", 't', NULL, "Begin each line with the time at which it was written." },
	{ NULL }
};

static int set_option(void *ctx, const struct opt *o, const char *value, struct r3_err *err)
{
	struct logs *l = ctx;

	switch (o->letter) {
	case 'n':
		l->has_tail = true;
		return value_number("tail", value, 0, 1000000000, &l->tail, err);
	case 'f':
		l->follow = true;
		break;
	case 'c':
		l->console = true;
		break;
	case 'o':
		l->output = true;
		break;
	default:
		l->timestamps = true;
	}
	return 0;
}

static const struct opts logs_opts = {
	.usage = "logs [OPTIONS] NAME",
	.about = "Shows what the command and the console of a guest of \"ring3 run --detach\" wrote,\n"
		 "and what ring3 had to say of it, of a guest that has ended too. The last\n"
		 "mebibyte is kept, and up to one more.",
	.table = table,
	.set = set_option,
};

/* ---- records ---- */

static bool wanted(const struct logs *l, char stream)
{
	if (l->console || l->output)
		return stream == GUESTLOG_CONSOLE ? l->console : stream != GUESTLOG_RING3 && l->output;
	return true;
}

static void print_stamp(FILE *f, int64_t ms)
{
	time_t s = ms / 1000;
	char text[64];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&s, &tm));
	fprintf(f, "%s.%03" PRId64 "Z ", text, ms % 1000);
}

/* skip: bytes at its begin that are not shown. */
static bool print(struct logs *l, const struct guestlog_record *rec, size_t skip)
{
	FILE *f = rec->stream == GUESTLOG_ERR || rec->stream == GUESTLOG_RING3 ? stderr : stdout;
	const char *p = rec->data + skip, *end = rec->data + rec->len, *nl;

	while (p < end) {
		nl = memchr(p, '\n', end - p);
		nl = nl ? nl + 1 : end;
		if (l->timestamps && l->line_begins)
			print_stamp(f, rec->ms);
		fwrite(p, 1, nl - p, f);
		l->line_begins = nl[-1] == '\n';
		p = nl;
	}
	return !ferror(f);
}

static size_t lines_in(const struct guestlog_record *rec)
{
	size_t n = 0, i;

	for (i = 0; i < rec->len; i++)
		n += rec->data[i] == '\n';
	return n;
}

/* ---- files ---- */

/* What is read and not shown yet, as the last record may be on its way. */
struct reader {
	int dir, fd;
	char *buf;
	size_t len, size;
};

static bool read_more(struct reader *r)
{
	ssize_t n;

	if (r->len == r->size) {
		size_t size = r->size ? 2 * r->size : 65536;
		char *bigger = realloc(r->buf, size);

		if (!bigger)
			return false;
		r->buf = bigger;
		r->size = size;
	}
	n = r->fd < 0 ? 0 : read(r->fd, r->buf + r->len, r->size - r->len);
	if (n > 0)
		r->len += n;
	return n > 0;
}

static bool same_file(int fd, int dir, const char *name)
{
	struct stat a, b;

	return fd >= 0 && !fstat(fd, &a) && !fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Both files, the older first; while they are looked at the guest may make new ones of them. */
static void open_logs(struct reader *r)
{
	int old = -1, tries;

	for (tries = 0; tries < 100; tries++) {
		r->fd = openat(r->dir, GUESTLOG_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		old = openat(r->dir, GUESTLOG_OLD, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		/* Without a newer one: it is just being made, or there is no log. */
		if (r->fd < 0 || same_file(r->fd, r->dir, GUESTLOG_FILE))
			break;
		close(r->fd);
		if (old >= 0)
			close(old);
		r->fd = old = -1;
	}
	if (old >= 0) {
		int fd = r->fd;

		r->fd = old;
		while (read_more(r))
			;
		close(old);
		r->fd = fd;
	}
	while (read_more(r))
		;
}

/* Shows all records that are complete. Returns false when nobody reads them. */
static bool show(struct logs *l, struct reader *r, size_t skip_lines)
{
	struct guestlog_record rec;
	size_t at = 0, lines, i;
	long n;

	while ((n = guestlog_parse(r->buf + at, r->len - at, &rec)) != 0) {
		if (n < 0) {
			/* Not a record of ours: on to what may be one. */
			char *nl = memchr(r->buf + at, '\n', r->len - at);

			at = nl ? (size_t)(nl + 1 - r->buf) : r->len;
			continue;
		}
		at += n;
		if (!wanted(l, rec.stream))
			continue;
		lines = skip_lines ? lines_in(&rec) : 0;
		i = 0;
		if (skip_lines && lines < skip_lines) {
			skip_lines -= lines;
			continue;
		}
		for (; skip_lines; i++)
			skip_lines -= rec.data[i] == '\n';
		if (!print(l, &rec, i))
			return false;
	}
	memmove(r->buf, r->buf + at, r->len - at);
	r->len -= at;
	return !fflush(stdout);
}

/* Lines before the last ones. One that has not ended counts. */
static size_t lines_to_skip(const struct logs *l, const struct reader *r)
{
	struct guestlog_record rec;
	size_t at = 0, lines = 0;
	bool open = false;
	long n;

	while ((n = guestlog_parse(r->buf + at, r->len - at, &rec)) > 0) {
		at += n;
		if (!wanted(l, rec.stream) || !rec.len)
			continue;
		lines += lines_in(&rec);
		open = rec.data[rec.len - 1] != '\n';
	}
	lines += open;
	return lines > l->tail ? lines - l->tail : 0;
}

/* ---- as it grows ---- */

static void wait_change(int watch)
{
	struct pollfd pfd = { .fd = watch, .events = POLLIN };
	char events[4096];

	/* Without a watch, and for a guest that was killed: look again now and then. */
	if (poll(&pfd, watch >= 0, watch >= 0 ? 500 : 100) > 0 && read(watch, events, sizeof(events)) < 0)
		poll(NULL, 0, 100);
}

static bool follow(struct logs *l, struct reader *r)
{
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[64];
	bool good = true, live;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", r->dir);
	if (watch >= 0 && inotify_add_watch(watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF) < 0) {
		close(watch);
		watch = -1;
	}
	do {
		/* First: what it wrote before its end is there when the end is. */
		live = kept_is_taken(r->dir);
		while (read_more(r))
			;
		good = show(l, r, 0);
		if (good && !same_file(r->fd, r->dir, GUESTLOG_FILE)) {
			int fd = openat(r->dir, GUESTLOG_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

			/* What was added before it was replaced. */
			while (read_more(r))
				;
			if (fd >= 0) {
				if (r->fd >= 0)
					close(r->fd);
				r->fd = fd;
				live = true;
				continue;
			}
		}
		if (good && live)
			wait_change(watch);
	} while (good && live);
	if (watch >= 0)
		close(watch);
	return good;
}

int logs_main(int argc, char **argv)
{
	struct logs l = { .line_begins = true };
	struct reader r = { .fd = -1 };
	struct r3_err err;
	bool dashes, good;
	int at;

	at = opts_parse(&logs_opts, argc, argv, &l, &dashes, &err);
	if (at >= 0 && at + 1 != argc)
		at = err_set(&err, EINVAL, "which guest? \"ring3 ps -a\" lists them: ring3 %s", logs_opts.usage);
	if (at < 0) {
		message("%s", err.msg);
		return CLI_START;
	}
	r.dir = kept_find(argv[at], &err);
	if (r.dir < 0) {
		message("%s", err.msg);
		return CLI_FAILED;
	}
	open_logs(&r);
	if (l.has_tail && !l.tail)
		r.len = 0;
	good = show(&l, &r, l.has_tail ? lines_to_skip(&l, &r) : 0);
	if (good && l.follow)
		good = follow(&l, &r);
	free(r.buf);
	if (r.fd >= 0)
		close(r.fd);
	close(r.dir);
	return good ? CLI_OK : CLI_FAILED;
}
