// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hide.h"
#include "op.h"

/* What the guest keeps for how long. */
#define SECONDS_AUTO	1
#define SECONDS_ALWAYS	86400

int at_get(struct request *r, uint64_t nodeid, struct at *at)
{
	*at = AT_NONE;
	at->inode = inode_get(r->share, nodeid);
	if (!at->inode)
		return -ESTALE;
	at->fd = inode_fd(r->share, at->inode);
	return at->fd < 0 ? at->fd : 0;
}

void at_put(struct request *r, struct at *at)
{
	if (at->fd >= 0)
		inode_fd_put(r->share, at->inode);
	inode_put(r->share, at->inode);
	*at = AT_NONE;
}

static uint64_t ino_of(const struct share *s, const struct stat *st)
{
	/* File systems that are mounted below the folder have numbers of their own, which must not be taken for its. */
	return st->st_dev == s->dev ? st->st_ino : st->st_ino ^ ((uint64_t)st->st_dev * 0x9e37 & 0xffff) << 48;
}

void fill_attr(const struct share *s, const struct stat *st, const struct owner *o, struct fuse_attr *attr)
{
	*attr = (struct fuse_attr){
		.ino = ino_of(s, st),
		.size = st->st_size,
		.blocks = st->st_blocks,
		.atime = st->st_atim.tv_sec,
		.mtime = st->st_mtim.tv_sec,
		.ctime = st->st_ctim.tv_sec,
		.atimensec = st->st_atim.tv_nsec,
		.mtimensec = st->st_mtim.tv_nsec,
		.ctimensec = st->st_ctim.tv_nsec,
		.mode = o->mode,
		.nlink = st->st_nlink,
		.uid = o->uid,
		.gid = o->gid,
		.rdev = o->rdev,
		.blksize = st->st_blksize,
	};
}

static uint64_t seconds(const struct share *s)
{
	return s->cache == SHARE_ALWAYS ? SECONDS_ALWAYS : s->cache == SHARE_AUTO ? SECONDS_AUTO : 0;
}

void fill_entry(const struct share *s, const struct inode *i, const struct stat *st, const struct owner *o, struct fuse_entry_out *out)
{
	*out = (struct fuse_entry_out){
		.nodeid = i->nodeid,
		.generation = i->nodeid >> 32,
		.entry_valid = seconds(s),
		.attr_valid = seconds(s),
	};
	fill_attr(s, st, o, &out->attr);
}

bool name_hidden(const struct share *s, const struct at *dir, const char *name, const struct stat *st)
{
	struct stat dir_st;

	return s->hide && (fstat(dir->fd, &dir_st) || hide_name(s->hide, &dir_st, name, st));
}

int lookup_child(struct share *s, const struct at *dir, const char *name, unsigned int lookups, struct inode **found,
		 struct stat *st, struct owner *o)
{
	struct inode *i;
	bool known;
	int fd, ret;

	/* The host may not let us search it, and the guest is told that nothing is there. */
	if (s->hide && (fstat(dir->fd, st) || hide_closed(s->hide, dir->inode) || !hide_public(st)))
		return -ENOENT;
	/* What is known and has not changed, and what its directory can tell, needs no descriptor. */
	if (fstatat(dir->fd, name, st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT))
		return -errno;
	if (name_hidden(s, dir, name, st))
		return -ENOENT;
	i = inode_known(s, st);
	known = i && inode_owner(s, i, st, o);
	inode_put(s, i);
	if (known || owner_by_name(s, dir->fd, name, st, o)) {
		i = inode_found(s, dir->inode, name, -1, st, lookups);
		if (!i)
			return -ENFILE;
		/* What is kept in memory only, as a link's owner, goes before. */
		if (!inode_owner(s, i, st, o))
			inode_set_owner(s, i, st, o, false);
		*found = i;
		return 0;
	}
	fd = openat(dir->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, st)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	/* Others may have changed what the name stands for. */
	if (name_hidden(s, dir, name, st)) {
		close(fd);
		return -ENOENT;
	}
	i = inode_found(s, dir->inode, name, fd, st, lookups);
	if (!i)
		return -ENFILE;
	/* It may have been closed since, by a request that had no room. */
	fd = inode_fd(s, i);
	ret = fd < 0 ? fd : owner_get(s, i, fd, st, o);
	if (fd >= 0)
		inode_fd_put(s, i);
	if (ret) {
		if (lookups)
			inode_forget(s, i->nodeid, lookups);
		inode_put(s, i);
		return ret;
	}
	*found = i;
	return 0;
}

/* "." and ".." are of a guest that knows an inode by its number only, as its NFS server does. */
static int lookup_dot(struct request *r, bool up, struct fuse_entry_out *out)
{
	struct inode *i = inode_get(r->share, r->in.nodeid), *parent;
	struct share *s = r->share;
	struct owner o;
	struct stat st;
	int fd, ret;

	if (!i)
		return -ESTALE;
	if (up) {
		inodes_lock(s);
		parent = i->parent ? i->parent : i;
		parent->refs++;
		inodes_unlock(s);
		inode_put(s, i);
		i = parent;
	}
	fd = inode_fd(s, i);
	ret = fd < 0 ? fd : fstat(fd, &st) ? -errno : owner_get(s, i, fd, &st, &o);
	if (!ret) {
		fill_entry(s, i, &st, &o, out);
		if (i->parent) {
			inodes_lock(s);
			if (!i->nlookup++)
				i->refs++;
			inodes_unlock(s);
		}
	}
	if (fd >= 0)
		inode_fd_put(s, i);
	inode_put(s, i);
	return ret;
}

int op_lookup(struct request *r)
{
	struct fuse_entry_out out;
	struct share *s = r->share;
	struct inode *i;
	struct owner o;
	struct stat st;
	struct at dir;
	const char *name;
	int ret = request_text(r, &name, NAME_MAX);

	if (!ret && (!strcmp(name, ".") || !strcmp(name, ".."))) {
		ret = lookup_dot(r, name[1], &out);
		return ret ? ret : request_put(r, &out, sizeof(out));
	}
	if (!ret && (!*name || strchr(name, '/')))
		ret = -EINVAL;
	if (ret)
		return ret;
	ret = at_get(r, r->in.nodeid, &dir) ?: lookup_child(s, &dir, name, 1, &i, &st, &o);
	at_put(r, &dir);
	if (ret == -ENOENT) {
		/* The guest may keep that as well. */
		out = (struct fuse_entry_out){ .entry_valid = seconds(s) };
		return out.entry_valid ? request_put(r, &out, sizeof(out)) : ret;
	}
	if (ret)
		return ret;
	fill_entry(s, i, &st, &o, &out);
	inode_put(s, i);
	return request_put(r, &out, sizeof(out));
}

int op_forget(struct request *r)
{
	const struct fuse_forget_in *in = ARG(r, fuse_forget_in);

	if (in)
		inode_forget(r->share, r->in.nodeid, in->nlookup);
	return 0;
}

int op_batch_forget(struct request *r)
{
	const struct fuse_batch_forget_in *in = ARG(r, fuse_batch_forget_in);
	const struct fuse_forget_one *one;
	uint32_t n;

	for (n = in ? in->count : 0; n && (one = ARG(r, fuse_forget_one)); n--)
		inode_forget(r->share, one->nodeid, one->nlookup);
	return 0;
}

int op_readlink(struct request *r)
{
	struct at at;
	ssize_t n;
	int ret = at_get(r, r->in.nodeid, &at);

	if (!ret) {
		n = readlinkat(at.fd, "", r->reply, PATH_MAX);
		ret = n < 0 ? -errno : n;
		/* Of what is no link the host says so in its own way. */
		if (ret == -ENOENT)
			ret = -EINVAL;
	}
	at_put(r, &at);
	return ret;
}
