// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each entry has a pax header with all that may not fit into a plain one: that is
 * simpler than to find out, and a kilobyte more.
 */
#include "tarout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BLOCK		512
#define PARTS_MAX	65536		/* of a file with holes; guest/tarin.h takes as many */
#define XATTRS_LEN	(256 << 10)	/* names and values of one file, at most */

/* As POSIX has it. */
struct head {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[6], version[2];
	char uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};

_Static_assert(sizeof(struct head) == BLOCK, "tar header");

/* ---- bytes ---- */

static int flush(struct tarout *t)
{
	size_t done = 0;
	ssize_t n;

	while (done < t->len) {
		n = write(t->fd, t->buf + done, t->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		done += n;
	}
	t->len = 0;
	return 0;
}

int tarout_write(struct tarout *t, const void *data, size_t len)
{
	int ret;

	while (len) {
		size_t n = sizeof(t->buf) - t->len;

		n = n < len ? n : len;
		memcpy(t->buf + t->len, data, n);
		t->len += n;
		data = (const char *)data + n;
		len -= n;
		ret = t->len == sizeof(t->buf) ? flush(t) : 0;
		if (ret)
			return ret;
	}
	return 0;
}

int tarout_pad(struct tarout *t, uint64_t size)
{
	static const char zero[BLOCK];

	return tarout_write(t, zero, -size % BLOCK);
}

/* ---- heads ---- */

static void octal(char *field, size_t size, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%0*llo", (int)size - 1, (unsigned long long)value);
	/* What does not fit is in the pax header. */
	if (strlen(text) >= size)
		memset(text, '0', size - 1);
	memcpy(field, text, size - 1);
}

static void copy(char *field, size_t size, const char *text)
{
	size_t len = strlen(text);

	memcpy(field, text, len < size ? len : size);
}

/* Whatever bytes the value has. */
static void record_bytes(char *text, size_t size, size_t *len, const char *key, const void *value, size_t value_len)
{
	size_t n = strlen(key) + value_len + 3, digits = 1, whole;

	/* The length counts itself. */
	while (snprintf(NULL, 0, "%zu", n + digits) != (int)digits)
		digits++;
	whole = n + digits;
	if (*len + whole + 1 > size)
		return;
	text += *len + snprintf(text + *len, size - *len, "%zu %s=", whole, key);
	memcpy(text, value, value_len);
	text[value_len] = '\n';
	*len += whole;
}

static void record(char *text, size_t size, size_t *len, const char *key, const char *value)
{
	record_bytes(text, size, len, key, value, strlen(value));
}

static void record_xattrs(char *text, size_t size, size_t *len, const struct place_entry *e)
{
	char key[300];
	unsigned int i;

	for (i = 0; i < e->nr_xattrs; i++) {
		snprintf(key, sizeof(key), "SCHILY.xattr.%s", e->xattr[i].name);
		record_bytes(text, size, len, key, e->xattr[i].value, e->xattr[i].len);
	}
}

static int put_head(struct tarout *t, struct head *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned int sum = 0, i;

	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->sum, ' ', sizeof(h->sum));
	for (i = 0; i < sizeof(*h); i++)
		sum += p[i];
	snprintf(h->sum, sizeof(h->sum), "%06o", sum);
	h->sum[7] = ' ';
	return tarout_write(t, h, sizeof(*h));
}

static int put_pax(struct tarout *t, const struct place_entry *e, uint64_t size)
{
	static char text[4 * PATH_MAX + 2 * XATTRS_LEN];
	struct head h = { .name = "pax", .type = 'x' };
	char number[64];
	size_t len = 0;
	int ret;

	record(text, sizeof(text), &len, "path", e->path);
	if (e->link)
		record(text, sizeof(text), &len, "linkpath", e->link);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)size);
	record(text, sizeof(text), &len, "size", number);
	snprintf(number, sizeof(number), "%u", e->uid);
	record(text, sizeof(text), &len, "uid", number);
	snprintf(number, sizeof(number), "%u", e->gid);
	record(text, sizeof(text), &len, "gid", number);
	snprintf(number, sizeof(number), "%lld.%09u", (long long)e->mtime, e->nsec);
	/* Before 1970 parts of seconds count the other way. */
	if (e->mtime < 0)
		snprintf(number, sizeof(number), "%lld", (long long)e->mtime);
	record(text, sizeof(text), &len, "mtime", number);
	if (t->holes) {
		record(text, sizeof(text), &len, "GNU.sparse.major", "1");
		record(text, sizeof(text), &len, "GNU.sparse.minor", "0");
		record(text, sizeof(text), &len, "GNU.sparse.name", e->path);
		snprintf(number, sizeof(number), "%llu", (unsigned long long)t->real);
		record(text, sizeof(text), &len, "GNU.sparse.realsize", number);
	}
	record_xattrs(text, sizeof(text), &len, e);
	octal(h.mode, sizeof(h.mode), 0644);
	octal(h.size, sizeof(h.size), len);
	ret = put_head(t, &h);
	if (!ret)
		ret = tarout_write(t, text, len);
	return ret ? ret : tarout_pad(t, len);
}

static char type_of(const struct place_entry *e)
{
	if (e->hard)
		return '1';
	switch (e->mode & S_IFMT) {
	case S_IFLNK: return '2';
	case S_IFCHR: return '3';
	case S_IFBLK: return '4';
	case S_IFDIR: return '5';
	case S_IFIFO: return '6';
	default: return '0';
	}
}

int tarout_head(struct tarout *t, const struct place_entry *e, uint64_t size)
{
	struct head h = { .type = type_of(e) };
	int ret = put_pax(t, e, size);

	if (ret)
		return ret;
	copy(h.name, sizeof(h.name), e->path);
	if (e->link)
		copy(h.link, sizeof(h.link), e->link);
	octal(h.mode, sizeof(h.mode), e->mode & 07777);
	octal(h.uid, sizeof(h.uid), e->uid);
	octal(h.gid, sizeof(h.gid), e->gid);
	octal(h.size, sizeof(h.size), size);
	octal(h.mtime, sizeof(h.mtime), e->mtime < 0 ? 0 : e->mtime);
	octal(h.major, sizeof(h.major), e->major);
	octal(h.minor, sizeof(h.minor), e->minor);
	return put_head(t, &h);
}

/* ---- trees ---- */

struct link {
	dev_t dev;
	ino_t ino;
	char name[];
};

static int compare(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return (x->ino > y->ino) - (x->ino < y->ino);
}

/* The name that this file had before; NULL: it had none. */
static const char *seen(struct tarout *t, const struct stat *st, const char *name)
{
	struct link *l;
	void **found;

	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return NULL;
	l = malloc(sizeof(*l) + strlen(name) + 1);
	if (!l)
		return NULL;
	l->dev = st->st_dev;
	l->ino = st->st_ino;
	strcpy(l->name, name);
	found = tsearch(l, &t->links, compare);
	if (!found || *found == l)
		return NULL;
	free(l);
	return (*(struct link **)found)->name;
}

/* ---- extended attributes ---- */

/* Those of a file or a directory; others have none that could travel. What does not fit is left out. */
static unsigned int read_xattrs(const char *path, int fd, struct place_xattr *x)
{
	static char names[65536], values[XATTRS_LEN];
	ssize_t n = fd >= 0 ? flistxattr(fd, names, sizeof(names)) : llistxattr(path, names, sizeof(names)), len;
	unsigned int nr = 0;
	size_t used = 0;
	const char *name;

	for (name = names; n > 0 && name < names + n && nr < PLACE_XATTRS; name += strlen(name) + 1) {
		if (!place_xattr_ok(name, PLACE_OWNERS))
			continue;
		len = fd >= 0 ? fgetxattr(fd, name, values + used, sizeof(values) - used) : lgetxattr(path, name, values + used, sizeof(values) - used);
		if (len < 0)
			continue;
		x[nr++] = (struct place_xattr){ name, values + used, len };
		used += len;
	}
	return nr;
}

/* ---- data ---- */

struct part {
	uint64_t off, len;
};

/* Where a file has data. Return: how many parts, 0: all of it, as it has no holes or nobody knows. */
static unsigned int find_parts(int fd, const struct stat *st, struct part *part)
{
	off_t size = st->st_size, at = 0, data, hole;
	unsigned int n = 0;

	if ((uint64_t)st->st_blocks * 512 >= (uint64_t)size)
		return 0;
	while (at < size && n < PARTS_MAX - 1) {
		data = lseek(fd, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		hole = data < 0 ? data : lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return 0;
		/* The last one of too many has holes that are zeros. */
		if (n == PARTS_MAX - 2 || hole > size)
			hole = size;
		if (data < size)
			part[n++] = (struct part){ data, hole - data };
		at = hole;
	}
	if (n == 1 && !part[0].off && part[0].len == (uint64_t)size)
		return 0;
	/* A part of no length at its end: that is how those who read the map know of the hole there. */
	if (!n || part[n - 1].off + part[n - 1].len < (uint64_t)size)
		part[n++] = (struct part){ size, 0 };
	return n;
}

static int put_data(struct tarout *t, int fd, uint64_t size);

static int put_part(struct tarout *t, int fd, const struct part *part)
{
	if (lseek(fd, part->off, SEEK_SET) < 0)
		return -errno;
	return part->len ? put_data(t, fd, part->len) : 0;
}

/* A file with holes: GNU's format 1.0, a map in decimal lines before the data. */
static int put_sparse(struct tarout *t, const struct place_entry *e, int fd, uint64_t size, const struct part *part, unsigned int nr)
{
	uint64_t data = 0;
	char *map = NULL;
	size_t len;
	FILE *f = open_memstream(&map, &len);
	unsigned int i;
	int ret;

	if (!f)
		return -ENOMEM;
	fprintf(f, "%u\n", nr);
	for (i = 0; i < nr; i++) {
		fprintf(f, "%llu\n%llu\n", (unsigned long long)part[i].off, (unsigned long long)part[i].len);
		data += part[i].len;
	}
	if (fclose(f)) {
		free(map);
		return -ENOMEM;
	}
	t->holes = true;
	t->real = size;
	ret = tarout_head(t, e, len + -len % BLOCK + data);
	t->holes = false;
	if (!ret)
		ret = tarout_write(t, map, len);
	if (!ret)
		ret = tarout_pad(t, len);
	for (i = 0; i < nr && !ret; i++)
		ret = put_part(t, fd, &part[i]);
	free(map);
	return ret ? ret : tarout_pad(t, data);
}

static int put_data(struct tarout *t, int fd, uint64_t size)
{
	static char zero[4096];
	uint64_t left = size;
	ssize_t n = 1;
	int ret = 0;

	while (left && !ret && n > 0) {
		char buf[32768];

		n = read(fd, buf, left < sizeof(buf) ? left : sizeof(buf));
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			return -errno;
		else if (n > 0) {
			ret = tarout_write(t, buf, n);
			left -= n;
		}
	}
	/* It became shorter meanwhile. */
	t->changed += left && !ret;
	while (left && !ret) {
		n = left < sizeof(zero) ? left : sizeof(zero);
		ret = tarout_write(t, zero, n);
		left -= n;
	}
	return ret;
}

static int one(struct tarout *t, const char *path, const char *name, bool follow);

static int each(struct tarout *t, const char *path, const char *name)
{
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort), ret = n < 0 ? -errno : 0, i;
	char *sub, *sub_name;

	for (i = 0; i < n; i++) {
		const char *text = list[i]->d_name;

		if (!ret && strcmp(text, ".") && strcmp(text, "..")) {
			if (asprintf(&sub, "%s/%s", path, text) < 0)
				sub = NULL;
			if (asprintf(&sub_name, "%s/%s", name, text) < 0)
				sub_name = NULL;
			ret = sub && sub_name ? one(t, sub, sub_name, false) : -ENOMEM;
			free(sub);
			free(sub_name);
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return ret;
}

static int put(struct tarout *t, const char *path, const char *name, const struct stat *st, int fd)
{
	char target[PATH_MAX];
	struct place_entry e = {
		.path = name,
		.mode = st->st_mode,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime = st->st_mtim.tv_sec,
		.nsec = st->st_mtim.tv_nsec,
		.major = major(st->st_rdev),
		.minor = minor(st->st_rdev),
		.link = seen(t, st, name),
	};
	static struct place_xattr xattr[PLACE_XATTRS];
	static struct part part[PARTS_MAX];
	unsigned int nr;
	uint64_t size;
	ssize_t n;
	int ret;

	e.hard = e.link;
	if (S_ISLNK(st->st_mode) && !e.hard) {
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			return -errno;
		target[n] = 0;
		e.link = target;
	}
	e.xattr = xattr;
	if (!e.hard && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)))
		e.nr_xattrs = read_xattrs(path, fd, xattr);
	size = S_ISREG(st->st_mode) && !e.hard ? st->st_size : 0;
	nr = size ? find_parts(fd, st, part) : 0;
	if (nr)
		return put_sparse(t, &e, fd, size, part, nr);
	ret = tarout_head(t, &e, size);
	if (!ret && size)
		ret = put_data(t, fd, size) ?: tarout_pad(t, size);
	return ret ? ret : S_ISDIR(st->st_mode) ? each(t, path, name) : 0;
}

static int one(struct tarout *t, const char *path, const char *name, bool follow)
{
	struct stat st;
	int fd = -1, ret;

	if ((follow ? stat(path, &st) : lstat(path, &st)) < 0)
		ret = -errno;
	else if (S_ISSOCK(st.st_mode))
		return 0;
	else if (S_ISREG(st.st_mode) && ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW))) < 0 || fstat(fd, &st) < 0))
		ret = -errno;
	else
		ret = put(t, path, name, &st, fd);
	if (fd >= 0)
		close(fd);
	if (ret && !t->path[0])
		snprintf(t->path, sizeof(t->path), "%s", path);
	return ret;
}

int tarout_tree(struct tarout *t, const char *path, const char *top, bool follow)
{
	return one(t, path, top, follow);
}

int tarout_end(struct tarout *t)
{
	static const char zero[2 * BLOCK];
	int ret = tarout_write(t, zero, sizeof(zero));

	if (!ret)
		ret = flush(t);
	tdestroy(t->links, free);
	t->links = NULL;
	return ret;
}
