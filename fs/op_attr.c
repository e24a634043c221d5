// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "op.h"

static int answer_attr(struct request *r, struct inode *i, int fd, struct stat *st)
{
	struct share *s = r->share;
	struct fuse_attr_out out = { .attr_valid = s->cache == SHARE_ALWAYS ? 86400 : s->cache == SHARE_AUTO };
	struct owner o;
	int ret = owner_get(s, i, fd, st, &o);

	if (ret)
		return ret;
	fill_attr(s, st, &o, &out.attr);
	return request_put(r, &out, sizeof(out));
}

/* By what the guest has open, if it says so: that needs no name. Return: the descriptor. */
static int by_handle(struct request *r, bool given, uint64_t fh, struct file **f, struct at *at)
{
	*f = NULL;
	*at = AT_NONE;
	if (given) {
		*f = file_get(r->share, fh, false);
		if (*f && (*f)->inode->nodeid == r->in.nodeid)
			return (*f)->fd;
		file_put(r->share, *f);
		*f = NULL;
	}
	return at_get(r, r->in.nodeid, at) ?: at->fd;
}

int op_getattr(struct request *r)
{
	const struct fuse_getattr_in *in = ARG(r, fuse_getattr_in);
	struct file *f;
	struct stat st;
	struct at at;
	int fd, ret;

	if (!in)
		return -EINVAL;
	fd = by_handle(r, in->getattr_flags & FUSE_GETATTR_FH, in->fh, &f, &at);
	ret = fd < 0 ? fd : fstat(fd, &st) ? -errno : answer_attr(r, f ? f->inode : at.inode, fd, &st);
	file_put(r->share, f);
	at_put(r, &at);
	return ret;
}

/* ---- SETATTR ---- */

static int set_size(struct request *r, struct file *f, int fd, const struct stat *st, uint64_t size)
{
	int own, ret;

	if (f && (fcntl(f->fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
		return ftruncate(f->fd, size) ? -errno : 0;
	if (!S_ISREG(st->st_mode))
		return S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL;
	own = open_again(fd, O_WRONLY);
	if (own < 0)
		return own;
	ret = ftruncate(own, size) ? -errno : 0;
	close(own);
	return ret;
}

static int set_times(int fd, const struct fuse_setattr_in *in)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };

	if (in->valid & FATTR_ATIME_NOW)
		t[0].tv_nsec = UTIME_NOW;
	else if (in->valid & FATTR_ATIME)
		t[0] = (struct timespec){ in->atime, in->atimensec };
	if (in->valid & FATTR_MTIME_NOW)
		t[1].tv_nsec = UTIME_NOW;
	else if (in->valid & FATTR_MTIME)
		t[1] = (struct timespec){ in->mtime, in->mtimensec };
	if (in->atimensec > 999999999 || in->mtimensec > 999999999)
		return -EINVAL;
	return utimensat(fd, "", t, AT_EMPTY_PATH) ? -errno : 0;
}

static int set_owner(struct request *r, struct inode *i, int fd, struct stat *st, const struct fuse_setattr_in *in)
{
	struct owner o, was;
	int ret = owner_get(r->share, i, fd, st, &o);

	if (ret)
		return ret;
	was = o;
	if (in->valid & FATTR_MODE)
		o.mode = (o.mode & S_IFMT) | (in->mode & 07777);
	if (in->valid & FATTR_UID)
		o.uid = in->uid;
	if (in->valid & FATTR_GID)
		o.gid = in->gid;
	if (in->valid & FATTR_KILL_SUIDGID && !(in->valid & FATTR_MODE) && !S_ISDIR(o.mode)) {
		o.mode &= ~S_ISUID;
		if (o.mode & S_IXGRP)
			o.mode &= ~S_ISGID;
	}
	if (!(in->valid & (FATTR_MODE | FATTR_UID | FATTR_GID)) && o.mode == was.mode)
		return 0;
	return owner_set(r->share, i, fd, st, &o, false);
}

int op_setattr(struct request *r)
{
	const struct fuse_setattr_in *in = ARG(r, fuse_setattr_in);
	struct inode *i;
	struct file *f;
	struct stat st;
	struct at at;
	int fd, ret;

	if (!in)
		return -EINVAL;
	fd = by_handle(r, in->valid & FATTR_FH, in->fh, &f, &at);
	ret = fd < 0 ? fd : fstat(fd, &st) ? -errno : 0;
	i = f ? f->inode : at.inode;
	if (!ret && (in->valid & (FATTR_MODE | FATTR_UID | FATTR_GID | FATTR_KILL_SUIDGID)))
		ret = set_owner(r, i, fd, &st, in);
	if (!ret && (in->valid & FATTR_SIZE))
		ret = set_size(r, f, fd, &st, in->size);
	if (!ret && (in->valid & (FATTR_ATIME | FATTR_MTIME | FATTR_ATIME_NOW | FATTR_MTIME_NOW)))
		ret = set_times(fd, in);
	if (!ret)
		ret = fstat(fd, &st) ? -errno : answer_attr(r, i, fd, &st);
	file_put(r->share, f);
	at_put(r, &at);
	return ret;
}

/* ---- the file system ---- */

int op_statfs(struct request *r)
{
	struct fuse_statfs_out out = { 0 };
	struct statfs st;
	struct at at;
	int ret = at_get(r, r->in.nodeid, &at);

	if (!ret)
		ret = fstatfs(at.fd, &st) ? -errno : 0;
	at_put(r, &at);
	if (ret)
		return ret;
	out.st.blocks = st.f_blocks;
	out.st.bfree = st.f_bfree;
	out.st.bavail = st.f_bavail;
	out.st.files = st.f_files;
	out.st.ffree = st.f_ffree;
	out.st.bsize = st.f_bsize;
	out.st.frsize = st.f_frsize;
	out.st.namelen = st.f_namelen;
	return request_put(r, &out, sizeof(out));
}

/* The guest's kernel decides by what it is shown; left is what the host's file system refuses at all. */
int op_access(struct request *r)
{
	const struct fuse_access_in *in = ARG(r, fuse_access_in);
	struct inode *i = inode_get(r->share, r->in.nodeid);

	inode_put(r->share, i);
	if (!in || !i)
		return in ? -ESTALE : -EINVAL;
	return in->mask & W_OK && r->share->ro ? -EROFS : 0;
}
