// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring3-copy: the host's end of `ring3 cp` where archives of others are read, in a
 * process of its own. cli/cp.c starts it.
 *
 *	ring3-copy JAIL pull TOP NAME any|file|dir [owners]
 *		the archive on descriptor 4 becomes files below the directory on 3. All
 *		that it has is TOP or in TOP, and TOP becomes NAME.
 *	ring3-copy JAIL filter
 *		the archive on 4, packed or not, to 3, as the guest's program reads it.
 *
 * What is wrong is one line on stderr.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "copy_jail.h"
#include "../backend/walls.h"
#include "place.h"
#include "tarout.h"

#define BELOW_FD	3
#define OUT_FD		3
#define ARCHIVE_FD	4
#define CHUNK		65536
#define MEMORY_MAX	(1ULL << 30)	/* address space */

static int wrong(struct archive *a, struct r3_err *err)
{
	return err_set(err, EIO, "the archive is damaged or cut off: %s", archive_error_string(a) ?: "it cannot be read");
}

static struct archive *open_archive(bool packed, struct r3_err *err)
{
	struct archive *a = archive_read_new();

	if (!a) {
		err_set(err, ENOMEM, "no memory for an archive");
		return NULL;
	}
	archive_read_support_format_tar(a);
	if (packed) {
		archive_read_support_filter_gzip(a);
		archive_read_support_filter_bzip2(a);
		archive_read_support_filter_xz(a);
		archive_read_support_filter_lzma(a);
		archive_read_support_filter_zstd(a);
		archive_read_support_filter_lz4(a);
	}
	if (archive_read_open_fd(a, ARCHIVE_FD, CHUNK) == ARCHIVE_OK)
		return a;
	/* Nothing at all comes from a guest that has said why. */
	err_set(err, EIO, "what comes is not a tar archive");
	archive_read_free(a);
	return NULL;
}

/* Which of them travel is said by who sets them. */
static unsigned int take_xattrs(struct archive_entry *e, struct place_xattr *x)
{
	unsigned int n = 0;

	archive_entry_xattr_reset(e);
	while (n < PLACE_XATTRS && archive_entry_xattr_next(e, &x[n].name, &x[n].value, &x[n].len) == ARCHIVE_OK)
		n += x[n].name && *x[n].name && strlen(x[n].name) < 256;
	return n;
}

static int take(struct archive_entry *e, struct place_entry *p, struct r3_err *err)
{
	static struct place_xattr xattr[PLACE_XATTRS];
	const char *path = archive_entry_pathname(e) ?: archive_entry_pathname_utf8(e),
		   *hard = archive_entry_hardlink(e) ?: archive_entry_hardlink_utf8(e),
		   *symlink = archive_entry_symlink(e) ?: archive_entry_symlink_utf8(e);

	*p = (struct place_entry){
		.path = path,
		.link = hard ? hard : symlink,
		.hard = hard,
		.mode = archive_entry_filetype(e) | (archive_entry_perm(e) & 07777),
		.uid = archive_entry_uid(e),
		.gid = archive_entry_gid(e),
		.mtime = archive_entry_mtime(e),
		.nsec = archive_entry_mtime_nsec(e),
		.major = archive_entry_rdevmajor(e),
		.minor = archive_entry_rdevminor(e),
		.xattr = xattr,
		.nr_xattrs = take_xattrs(e, xattr),
	};
	if (!path || !place_path_ok(&p->path) || (hard && !place_path_ok(&p->link)))
		return err_set(err, EINVAL, "the archive has a name that is empty, too long, or has \"..\" in it: %s", path ? path : "");
	if (!hard && S_ISLNK(p->mode) && (!symlink || !*symlink))
		return err_set(err, EINVAL, "the archive has a symbolic link that leads nowhere: %s", path);
	if (!hard && !(p->mode & S_IFMT))
		p->mode |= S_IFREG;
	return 0;
}

/* ---- from the guest ---- */

struct pull {
	struct place place;
	const char *top, *name, *kind;
	bool any;			/* there was an entry */
};

static int rename_top(const struct pull *p, const char *path, char *out, struct r3_err *err)
{
	size_t len = strlen(p->top);

	if (strncmp(path, p->top, len) || (path[len] && path[len] != '/') ||
	    snprintf(out, PATH_MAX, "%s%s", p->name, path + len) >= PATH_MAX)
		return err_set(err, EINVAL, "the guest sends what was not asked for: %s", path);
	return 0;
}

static int write_data(struct archive *a, int fd, uint64_t size, struct r3_err *err)
{
	const void *data;
	la_int64_t off;
	size_t len;
	int got;

	while ((got = archive_read_data_block(a, &data, &len, &off)) == ARCHIVE_OK || got == ARCHIVE_WARN) {
		while (len) {
			ssize_t n = pwrite(fd, data, len, off);

			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return err_set(err, n ? errno : ENOSPC, "%s", strerror(n ? errno : ENOSPC));
			data = (const char *)data + n;
			off += n;
			len -= n;
		}
	}
	if (got != ARCHIVE_EOF)
		return wrong(a, err);
	return ftruncate(fd, size) < 0 ? err_set(err, errno, "%s", strerror(errno)) : 0;
}

static int pull_entry(struct pull *p, struct archive *a, struct archive_entry *e, struct r3_err *err)
{
	static char path[PATH_MAX], link[PATH_MAX];
	struct place_entry entry;
	int fd, ret = take(e, &entry, err);

	if (!ret)
		ret = rename_top(p, entry.path, path, err);
	if (!ret && entry.hard)
		ret = rename_top(p, entry.link, link, err);
	if (ret)
		return ret;
	if (!p->any && !strcmp(p->kind, "file") && S_ISDIR(entry.mode))
		return err_set(err, ENOTDIR, "it is a directory in the guest, and a file here");
	if (!p->any && !strcmp(p->kind, "dir") && !S_ISDIR(entry.mode))
		return err_set(err, ENOENT, "there is no such directory");
	p->any = true;
	entry.path = path;
	if (entry.hard)
		entry.link = link;
	ret = place_add(&p->place, &entry, &fd);
	if (ret)
		return err_set(err, ret, "%s cannot be written: %s", path, strerror(-ret));
	if (fd < 0)
		return 0;
	ret = write_data(a, fd, archive_entry_size(e), err);
	if (ret) {
		close(fd);
		return err_wrap(err, "%s cannot be written", path);
	}
	ret = place_end(&p->place, &entry, fd);
	return ret ? err_set(err, ret, "%s cannot be given its owner or mode: %s", path, strerror(-ret)) : 0;
}

static int pull(int argc, char **argv, struct r3_err *err)
{
	struct pull p = { .place.root = BELOW_FD, .place.top = argv[4], .top = argv[3], .name = argv[4], .kind = argv[5] };
	struct archive *a = open_archive(false, err);
	struct archive_entry *e;
	int ret = a ? 0 : err->code, end, got = ARCHIVE_EOF;

	if (argc > 6 && !strcmp(argv[6], "owners"))
		p.place.flags = PLACE_OWNERS | PLACE_SPECIAL;
	while (!ret && ((got = archive_read_next_header(a, &e)) == ARCHIVE_OK || got == ARCHIVE_WARN))
		ret = pull_entry(&p, a, e, err);
	if (!ret && got != ARCHIVE_EOF)
		ret = wrong(a, err);
	end = place_finish(&p.place, !ret);
	if (!ret && end)
		ret = err_set(err, end, "%s cannot be given its name, or a directory its mode: %s", p.name, strerror(-end));
	if (!ret && p.place.bare)
		dprintf(2, "%u files are without their extended attributes, which the file system here does not have\n", p.place.bare);
	if (!ret && p.place.skipped)
		dprintf(2, "%u devices and sockets are left out\n", p.place.skipped);
	return ret;
}

/* ---- to the guest ---- */

static int filter_entry(struct tarout *t, struct archive *a, struct archive_entry *e, struct r3_err *err)
{
	static const char zero[4096];
	struct place_entry entry;
	uint64_t size, at = 0;
	const void *data;
	la_int64_t off;
	size_t len;
	int got = ARCHIVE_EOF, ret = take(e, &entry, err);

	if (ret)
		return ret;
	size = S_ISREG(entry.mode) && !entry.hard ? archive_entry_size(e) : 0;
	ret = tarout_head(t, &entry, size);
	while (!ret && size && ((got = archive_read_data_block(a, &data, &len, &off)) == ARCHIVE_OK || got == ARCHIVE_WARN)) {
		if ((uint64_t)off < at || off + len > size)
			return err_set(err, EINVAL, "a file of the archive has data in an order that makes no sense");
		for (; !ret && at < (uint64_t)off; at += min_t(uint64_t, sizeof(zero), off - at))
			ret = tarout_write(t, zero, min_t(uint64_t, sizeof(zero), off - at));
		if (!ret)
			ret = tarout_write(t, data, len);
		at += len;
	}
	if (!ret && got != ARCHIVE_EOF)
		return wrong(a, err);
	while (!ret && at < size) {
		uint64_t n = min_t(uint64_t, sizeof(zero), size - at);

		ret = tarout_write(t, zero, n);
		at += n;
	}
	if (!ret)
		ret = tarout_pad(t, size);
	return ret ? err_set(err, ret, "it cannot be passed on: %s", strerror(-ret)) : 0;
}

static int filter(struct r3_err *err)
{
	static struct tarout t = { .fd = OUT_FD };
	struct archive *a = open_archive(true, err);
	struct archive_entry *e;
	int ret = a ? 0 : err->code, got = ARCHIVE_EOF;

	while (!ret && ((got = archive_read_next_header(a, &e)) == ARCHIVE_OK || got == ARCHIVE_WARN))
		ret = filter_entry(&t, a, e, err);
	if (!ret && got != ARCHIVE_EOF)
		ret = wrong(a, err);
	if (!ret && tarout_end(&t))
		ret = err_set(err, EPIPE, "the guest takes no more");
	return ret;
}

/* A guest can send names without end; of directories each is remembered. */
static void bound_memory(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	wall_limit(RLIMIT_AS, MEMORY_MAX);
#endif
}

int main(int argc, char **argv)
{
	struct r3_err err = { 0 };
	enum jail_mode mode;
	bool pulls = argc >= 6 && !strcmp(argv[2], "pull");
	int ret;

	if (!pulls && !(argc == 3 && !strcmp(argv[2], "filter"))) {
		fprintf(stderr, "ring3-copy is started by \"ring3 cp\"\n");
		return 2;
	}
	/* When `ring3 cp` is killed what comes ends, and what is not whole is removed. */
	prctl(PR_SET_PDEATHSIG, 0);
	setlocale(LC_CTYPE, "C.UTF-8");
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	bound_memory();
	ret = jail_mode_parse(argv[1], &mode, &err);
	if (!ret)
		ret = copy_jail(mode, pulls ? BELOW_FD : -1, &err);
	if (!ret)
		ret = pulls ? pull(argc, argv, &err) : filter(&err);
	/* Who reads no more says why. */
	if (ret && ret != -EPIPE)
		dprintf(2, "%s\n", err.msg);
	_exit(ret == -EPIPE ? 3 : ret ? 1 : 0);
}
