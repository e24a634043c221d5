// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/iov.h"
#include "base/util.h"
#include "hide.h"
#include "lock.h"
#include "op.h"

#ifndef FOPEN_NOFLUSH
#define FOPEN_NOFLUSH	(1 << 5)
#endif

#define MODES		(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)
#define COPY_MAX	(16u << 20)	/* of one request, so that no worker is away for long */

/*
 * Where to append is the guest's decision in each write, as its page cache is written
 * back through the same descriptor; and it has no use for the host's O_DIRECT.
 */
int open_flags(uint32_t flags)
{
	return (flags & (O_ACCMODE | O_SYNC | O_DSYNC)) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
}

int open_again(int fd, int flags)
{
	char name[16];
	int ret;

	snprintf(name, sizeof(name), "%d", fd);
	ret = open(name, flags | O_CLOEXEC);
	return ret < 0 ? -errno : ret;
}

uint32_t open_answer(struct share *s, struct inode *i, int fd, uint32_t flags)
{
	struct stat st;
	uint32_t answer = 0;

	/* Who only reads has nothing to hear at close; with the host's locks these are dropped then. */
	if ((flags & O_ACCMODE) == O_RDONLY && !s->host_locks)
		answer |= FOPEN_NOFLUSH;
	if (s->cache == SHARE_ALWAYS)
		return answer | FOPEN_KEEP_CACHE;
	if (s->cache == SHARE_NONE)
		return answer | FOPEN_DIRECT_IO;
	return !fstat(fd, &st) && inode_same_data(s, i, &st) ? answer | FOPEN_KEEP_CACHE : answer;
}

int op_open(struct request *r)
{
	const struct fuse_open_in *in = ARG(r, fuse_open_in);
	struct share *s = r->share;
	struct fuse_open_out out = { 0 };
	struct at at;
	int fd, ret;

	if (!in)
		return -EINVAL;
	/* The last one changes the mode. */
	if (s->ro && ((in->flags & O_ACCMODE) != O_RDONLY || (in->flags & O_TRUNC) || (in->open_flags & FUSE_OPEN_KILL_SUIDGID)))
		return -EROFS;
	ret = at_get(r, r->in.nodeid, &at);
	/* Nothing but files, ever: who opens a device or a FIFO makes something happen. */
	if (!ret && !S_ISREG(at.inode->type))
		ret = S_ISDIR(at.inode->type) ? -EISDIR : -ENXIO;
	if (!ret && (in->open_flags & FUSE_OPEN_KILL_SUIDGID))
		ret = owner_kill_suid(s, at.inode, at.fd);
	if (!ret) {
		struct stat st;

		ret = fd = open_again(at.fd, open_flags(in->flags) | (in->flags & O_TRUNC));
		/* It may have been made private since the guest found it. */
		if (fd >= 0 && s->hide && (fstat(fd, &st) || !hide_public(&st))) {
			close(fd);
			ret = -EACCES;
		} else if (fd >= 0) {
			out.open_flags = open_answer(s, at.inode, fd, in->flags);
			ret = file_open(s, at.inode, fd, false, &out.fh);
		}
	}
	at_put(r, &at);
	return ret ? ret : request_put(r, &out, sizeof(out));
}

int op_read(struct request *r)
{
	const struct fuse_read_in *in = ARG(r, fuse_read_in);
	struct iovec iov[VIRTQ_SEGS_MAX];
	struct file *f;
	unsigned int n;
	ssize_t done = 0;

	if (!in)
		return -EINVAL;
	f = file_get(r->share, in->fh, false);
	if (!f)
		return -EBADF;
	n = iov_slice(iov, r->chain.iov + r->chain.nr_out, r->chain.nr_in, sizeof(struct fuse_out_header),
		      min_t(size_t, in->size, r->room));
	if (n)
		done = preadv(f->fd, iov, n, in->offset);
	if (done < 0)
		done = -errno;
	file_put(r->share, f);
	r->direct = true;
	return done;
}

int op_write(struct request *r)
{
	const struct fuse_write_in *in = ARG(r, fuse_write_in);
	struct fuse_write_out out = { 0 };
	struct iovec iov[VIRTQ_SEGS_MAX];
	struct share *s = r->share;
	size_t head = sizeof(r->in) + sizeof(*in);
	struct file *f;
	unsigned int n;
	ssize_t done = 0;
	int ret = 0, flags = 0;

	if (!in || in->size > s->max_write || r->chain.out_len - head < in->size)
		return -EINVAL;
	f = file_get(s, in->fh, false);
	if (!f)
		return -EBADF;
	if (in->write_flags & FUSE_WRITE_KILL_SUIDGID)
		ret = owner_kill_suid(s, f->inode, f->fd);
	/* To a file that the host's programs append to as well. */
	if ((in->flags & O_APPEND) && !(in->write_flags & FUSE_WRITE_CACHE) && s->cache != SHARE_ALWAYS)
		flags = RWF_APPEND;
	n = iov_slice(iov, r->chain.iov, r->chain.nr_out, head, in->size);
	if (!ret && n)
		done = flags ? pwritev2(f->fd, iov, n, in->offset, flags) : pwritev(f->fd, iov, n, in->offset);
	if (done < 0)
		ret = -errno;
	file_put(s, f);
	if (ret)
		return ret;
	out.size = done;
	return request_put(r, &out, sizeof(out));
}

int op_flush(struct request *r)
{
	const struct fuse_flush_in *in = ARG(r, fuse_flush_in);
	struct file *f;
	int fd, ret = 0;

	if (!in)
		return -EINVAL;
	f = file_get(r->share, in->fh, false);
	if (!f)
		return -EBADF;
	locks_drop(r->share, f->inode, in->lock_owner);
	/* What a file system says when a file is closed. Where data was not written none can say anything. */
	if ((fcntl(f->fd, F_GETFL) & O_ACCMODE) != O_RDONLY) {
		fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
		if (fd >= 0 && close(fd))
			ret = -errno;
	}
	file_put(r->share, f);
	return ret;
}

int op_release(struct request *r)
{
	const struct fuse_release_in *in = ARG(r, fuse_release_in);
	struct file *f;

	if (!in)
		return -EINVAL;
	f = file_get(r->share, in->fh, false);
	if (f)
		locks_released(r->share, f);
	file_put(r->share, f);
	file_close(r->share, in->fh, false);
	return 0;
}

static int sync_fd(int fd, bool data_only)
{
	return (data_only ? fdatasync(fd) : fsync(fd)) ? -errno : 0;
}

int op_fsync(struct request *r)
{
	const struct fuse_fsync_in *in = ARG(r, fuse_fsync_in);
	struct file *f;
	int ret;

	if (!in)
		return -EINVAL;
	/* What is not the guest's to write is not its to have written back, at the cost of all of the host. */
	if (r->share->ro)
		return 0;
	f = file_get(r->share, in->fh, false);
	if (!f)
		return -EBADF;
	ret = sync_fd(f->fd, in->fsync_flags & FUSE_FSYNC_FDATASYNC);
	file_put(r->share, f);
	return ret;
}

int op_syncfs(struct request *r)
{
	int fd, ret;

	if (r->share->ro)
		return 0;
	fd = openat(r->share->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = fd < 0 ? -errno : syncfs(fd) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return ret;
}

int op_fallocate(struct request *r)
{
	const struct fuse_fallocate_in *in = ARG(r, fuse_fallocate_in);
	struct file *f;
	int ret;

	if (!in || in->mode & ~MODES)
		return in ? -EOPNOTSUPP : -EINVAL;
	f = file_get(r->share, in->fh, false);
	if (!f)
		return -EBADF;
	ret = fallocate(f->fd, in->mode, in->offset, in->length) ? -errno : 0;
	file_put(r->share, f);
	return ret;
}

int op_lseek(struct request *r)
{
	const struct fuse_lseek_in *in = ARG(r, fuse_lseek_in);
	struct fuse_lseek_out out;
	struct file *f;
	off_t at;

	if (!in || (in->whence != SEEK_DATA && in->whence != SEEK_HOLE))
		return -EINVAL;
	f = file_get(r->share, in->fh, false);
	if (!f)
		return -EBADF;
	/* Reads and writes have positions of their own, so this one may move. */
	at = lseek(f->fd, in->offset, in->whence);
	out.offset = at;
	file_put(r->share, f);
	return at < 0 ? -errno : request_put(r, &out, sizeof(out));
}

int op_copy_file_range(struct request *r)
{
	const struct fuse_copy_file_range_in *in = ARG(r, fuse_copy_file_range_in);
	struct fuse_write_out out = { 0 };
	struct file *from, *to;
	off_t a, b;
	ssize_t n;
	int ret;

	if (!in || in->flags)
		return -EINVAL;
	from = file_get(r->share, in->fh_in, false);
	to = file_get(r->share, in->fh_out, false);
	ret = from && to ? 0 : -EBADF;
	if (!ret) {
		a = in->off_in;
		b = in->off_out;
		n = copy_file_range(from->fd, &a, to->fd, &b, min_t(uint64_t, in->len, COPY_MAX), 0);
		ret = n < 0 ? -errno : 0;
		out.size = n;
	}
	file_put(r->share, from);
	file_put(r->share, to);
	return ret ? ret : request_put(r, &out, sizeof(out));
}
