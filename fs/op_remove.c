// SPDX-License-Identifier: GPL-2.0-or-later
/* What takes names away. Who loses its last known name keeps a descriptor first. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "op.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE	(1 << 0)
#define RENAME_EXCHANGE		(1 << 1)
#endif

/* The entry of what a name stands for, if the guest knows it. */
static struct inode *known_at(struct request *r, const struct at *dir, const char *name)
{
	struct stat st;

	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return NULL;
	return inode_known(r->share, &st);
}

/* Its time of change is another one now, by which an owner that is only kept here would be taken for another inode's. */
static void restamp(struct request *r, struct inode *i, int dir, const char *name)
{
	struct owner o;
	struct stat st;

	if (i && read_once(i->owner_volatile) && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		inode_owner(r->share, i, &st, &o);
}

static int remove_name(struct request *r, int flags)
{
	struct share *s = r->share;
	struct inode *i = NULL;
	const char *name;
	struct at dir;
	int ret = request_name(r, &name);

	if (ret)
		return ret;
	ret = at_get(r, r->in.nodeid, &dir);
	if (!ret) {
		i = known_at(r, &dir, name);
		if (i)
			inode_pin(s, i);
		ret = unlinkat(dir.fd, name, flags) ? -errno : 0;
		if (i && read_once(i->owner_volatile)) {
			int fd = inode_fd(s, i);

			if (fd >= 0) {
				restamp(r, i, fd, "");
				inode_fd_put(s, i);
			}
		}
	}
	inode_put(s, i);
	at_put(r, &dir);
	return ret;
}

int op_unlink(struct request *r)
{
	return remove_name(r, 0);
}

int op_rmdir(struct request *r)
{
	return remove_name(r, AT_REMOVEDIR);
}

static int do_rename(struct request *r, uint64_t newdir, unsigned int flags)
{
	struct share *s = r->share;
	struct inode *moved = NULL, *other = NULL;
	struct at from, to = AT_NONE;
	const char *old, *new;
	int ret = request_name(r, &old) ?: request_name(r, &new);

	if (!ret && (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)))
		ret = -EINVAL;
	if (ret)
		return ret;
	ret = at_get(r, r->in.nodeid, &from) ?: at_get(r, newdir, &to);
	if (!ret) {
		moved = known_at(r, &from, old);
		other = known_at(r, &to, new);
		if (other && other != moved && !(flags & RENAME_EXCHANGE))
			inode_pin(s, other);
		/* The C library's makes another call without flags. */
		ret = syscall(SYS_renameat2, from.fd, old, to.fd, new, flags) ? -errno : 0;
	}
	if (!ret) {
		if (moved)
			inode_moved(s, moved, to.inode, new);
		if (other && (flags & RENAME_EXCHANGE))
			inode_moved(s, other, from.inode, old);
		restamp(r, moved, to.fd, new);
		if (flags & RENAME_EXCHANGE)
			restamp(r, other, from.fd, old);
	}
	inode_put(s, moved);
	inode_put(s, other);
	at_put(r, &to);
	at_put(r, &from);
	return ret;
}

int op_rename(struct request *r)
{
	const struct fuse_rename_in *in = ARG(r, fuse_rename_in);

	return in ? do_rename(r, in->newdir, 0) : -EINVAL;
}

int op_rename2(struct request *r)
{
	const struct fuse_rename2_in *in = ARG(r, fuse_rename2_in);

	return in ? do_rename(r, in->newdir, in->flags) : -EINVAL;
}
