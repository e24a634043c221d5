// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <limits.h>
#include <sys/file.h>

#include "lock.h"
#include "op.h"

/* FUSE has the last byte, OFFSET_MAX for "to the end". */
static int to_host(const struct fuse_file_lock *in, struct flock *lk)
{
	if ((in->type != F_RDLCK && in->type != F_WRLCK && in->type != F_UNLCK) || in->start > in->end || in->start > LLONG_MAX)
		return -EINVAL;
	*lk = (struct flock){
		.l_type = in->type,
		.l_whence = SEEK_SET,
		.l_start = in->start,
		.l_len = in->end >= LLONG_MAX ? 0 : in->end - in->start + 1,
	};
	return 0;
}

int op_getlk(struct request *r)
{
	const struct fuse_lk_in *in = ARG(r, fuse_lk_in);
	struct fuse_lk_out out = { 0 };
	struct inode *i;
	struct flock lk;
	int ret = in ? to_host(&in->lk, &lk) : -EINVAL;

	if (ret)
		return ret;
	if (!r->share->host_locks)
		return -ENOSYS;
	i = inode_get(r->share, r->in.nodeid);
	ret = i ? lock_test(r->share, i, in->owner, &lk) : -ESTALE;
	inode_put(r->share, i);
	if (ret)
		return ret;
	out.lk.type = lk.l_type;
	if (lk.l_type != F_UNLCK) {
		out.lk.start = lk.l_start;
		out.lk.end = lk.l_len ? (uint64_t)lk.l_start + lk.l_len - 1 : LLONG_MAX;
	}
	return request_put(r, &out, sizeof(out));
}

static int whole_file(struct request *r, const struct fuse_lk_in *in)
{
	static const struct flock none;
	int op = in->lk.type == F_UNLCK ? LOCK_UN : in->lk.type == F_WRLCK ? LOCK_EX : LOCK_SH, ret;
	struct file *f = file_get(r->share, in->fh, false);

	if (!f)
		return -EBADF;
	ret = flock(f->fd, op | LOCK_NB) ? -errno : 0;
	if (ret == -EAGAIN && r->in.opcode == FUSE_SETLKW)
		ret = lock_wait(r, f, op, in->owner, &none);
	else if (!ret && op != LOCK_EX)
		locks_changed(r->share);
	file_put(r->share, f);
	return ret;
}

int op_setlk(struct request *r)
{
	const struct fuse_lk_in *in = ARG(r, fuse_lk_in);
	struct inode *i;
	struct flock lk;
	int ret = in ? to_host(&in->lk, &lk) : -EINVAL;

	if (ret)
		return ret;
	if (!r->share->host_locks)
		return -ENOSYS;
	if (in->lk_flags & FUSE_LK_FLOCK)
		return whole_file(r, in);
	i = inode_get(r->share, r->in.nodeid);
	ret = i ? lock_set(r->share, i, in->owner, &lk) : -ESTALE;
	inode_put(r->share, i);
	if (ret == -EAGAIN && r->in.opcode == FUSE_SETLKW)
		ret = lock_wait(r, NULL, 0, in->owner, &lk);
	return ret;
}

int op_interrupt(struct request *r)
{
	const struct fuse_interrupt_in *in = ARG(r, fuse_interrupt_in);

	if (in && in->unique)
		lock_interrupt(r->share, in->unique);
	return 0;
}
