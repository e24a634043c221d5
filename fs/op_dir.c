// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "hide.h"
#include "op.h"

/* As the host's kernel writes it. */
struct entry {
	uint64_t ino;
	int64_t off;			/* of the one behind it */
	unsigned short len;
	unsigned char type;
	char name[];
};

int op_opendir(struct request *r)
{
	struct fuse_open_out out = { 0 };
	struct share *s = r->share;
	struct at at;
	int fd, ret = at_get(r, r->in.nodeid, &at);

	if (!ret && !S_ISDIR(at.inode->type))
		ret = -ENOTDIR;
	if (!ret) {
		/* Of a closed one nothing is read. It may be another user's, and opening it may mount something. */
		struct stat st;
		bool closed = s->hide && (hide_closed(s->hide, at.inode) || fstat(at.fd, &st) || !hide_public(&st));

		ret = fd = openat(closed ? s->root_fd : at.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			ret = -errno;
		else
			ret = file_open(s, at.inode, fd, true, &out.fh);
	}
	at_put(r, &at);
	if (s->cache == SHARE_ALWAYS)
		out.open_flags = FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR;
	return ret ? ret : request_put(r, &out, sizeof(out));
}

/* The entry at that position, NULL at the end. */
static struct entry *entry_at(struct file *f, int64_t off, int *err)
{
	struct dir *d = f->dir;
	struct entry *e;
	long n;

	if (d->at == d->len || d->next != off) {
		if (d->next != off && lseek(f->fd, off, SEEK_SET) < 0) {
			*err = -errno;
			return NULL;
		}
		d->at = d->len = 0;
		d->next = off;
		n = syscall(SYS_getdents64, f->fd, d->buf, sizeof(d->buf));
		if (n <= 0) {
			*err = n < 0 ? -errno : 0;
			return NULL;
		}
		d->len = n;
	}
	e = (struct entry *)(d->buf + d->at);
	return e;
}

static void step(struct dir *d, const struct entry *e)
{
	d->at += e->len;
	d->next = e->off;
}

static size_t put_dirent(char *to, const struct entry *e, size_t len)
{
	struct fuse_dirent out = { .ino = e->ino, .off = e->off, .namelen = len, .type = e->type };
	size_t size = FUSE_NAME_OFFSET + len, padded = FUSE_DIRENT_ALIGN(size);

	memcpy(to, &out, FUSE_NAME_OFFSET);
	memcpy(to + FUSE_NAME_OFFSET, e->name, len);
	memset(to + size, 0, padded - size);
	return padded;
}

/* With what the name stands for. The guest counts it as a lookup, but for "." and "..". */
static size_t put_plus(struct request *r, struct file *f, char *to, const struct entry *e, size_t len)
{
	struct fuse_entry_out out = { 0 };
	const struct at dir = { f->inode, f->fd };
	struct inode *i;
	struct owner o;
	struct stat st;

	if (strcmp(e->name, ".") && strcmp(e->name, "..") && !lookup_child(r->share, &dir, e->name, 1, &i, &st, &o)) {
		fill_entry(r->share, i, &st, &o, &out);
		inode_put(r->share, i);
	}
	memcpy(to, &out, sizeof(out));
	return sizeof(out) + put_dirent(to + sizeof(out), e, len);
}

static bool is_shown(struct request *r, const struct file *f, const char *name)
{
	const struct at dir = { f->inode, f->fd };
	struct share *s = r->share;
	struct stat st, opened;

	if (!s->hide || !strcmp(name, ".") || !strcmp(name, ".."))
		return true;
	/* Instead of a closed one another was opened. */
	if (fstat(f->fd, &opened) || opened.st_ino != f->inode->ino || opened.st_dev != f->inode->dev)
		return false;
	return !hide_closed(s->hide, f->inode) && !fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) &&
	       !name_hidden(s, &dir, name, &st);
}

static int read_dir(struct request *r, bool plus)
{
	const struct fuse_read_in *in = ARG(r, fuse_read_in);
	size_t room, used = 0;
	struct file *f;
	int ret = 0;

	if (!in)
		return -EINVAL;
	f = file_get(r->share, in->fh, true);
	if (!f)
		return -EBADF;
	room = min_t(size_t, min_t(size_t, in->size, r->room), sizeof(r->reply));
	pthread_mutex_lock(&f->dir->lock);
	{
		int64_t off = in->offset;
		struct entry *e;

		while ((e = entry_at(f, off, &ret))) {
			size_t len = strnlen(e->name, e->len - offsetof(struct entry, name));
			size_t size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + len) + (plus ? sizeof(struct fuse_entry_out) : 0);

			if (used + size > room)
				break;
			if (is_shown(r, f, e->name))
				used += plus ? put_plus(r, f, r->reply + used, e, len) : put_dirent(r->reply + used, e, len);
			step(f->dir, e);
			off = f->dir->next;
		}
	}
	pthread_mutex_unlock(&f->dir->lock);
	file_put(r->share, f);
	/* What is there already is given first. */
	return used ? (int)used : ret;
}

int op_readdir(struct request *r)
{
	return read_dir(r, false);
}

int op_readdirplus(struct request *r)
{
	return read_dir(r, true);
}

int op_releasedir(struct request *r)
{
	const struct fuse_release_in *in = ARG(r, fuse_release_in);

	if (!in)
		return -EINVAL;
	file_close(r->share, in->fh, true);
	return 0;
}

int op_fsyncdir(struct request *r)
{
	const struct fuse_fsync_in *in = ARG(r, fuse_fsync_in);
	struct file *f;
	int ret;

	if (!in)
		return -EINVAL;
	f = file_get(r->share, in->fh, true);
	if (!f)
		return -EBADF;
	ret = (in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(f->fd) : fsync(f->fd)) ? -errno : 0;
	/* Some file systems have no such thing for directories. */
	file_put(r->share, f);
	return ret == -EINVAL ? 0 : ret;
}
