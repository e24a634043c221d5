// SPDX-License-Identifier: GPL-2.0-or-later
/* What makes names. The guest's kernel has applied the umask and asked for permission. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "op.h"

/* As whose a new inode is seen: the caller's, of a directory with set-group-ID its group's. */
static int new_owner(struct request *r, const struct at *dir, uint32_t mode, struct owner *o)
{
	struct owner parent;
	struct stat st;
	int ret = fstat(dir->fd, &st) ? -errno : owner_get(r->share, dir->inode, dir->fd, &st, &parent);

	if (ret)
		return ret;
	*o = (struct owner){ .uid = r->in.uid, .gid = r->in.gid, .mode = mode };
	if (parent.mode & S_ISGID) {
		o->gid = parent.gid;
		if (S_ISDIR(mode))
			o->mode |= S_ISGID;
	}
	return 0;
}

/*
 * What was just made under that name, by its descriptor, becomes known and gets its owner.
 * Takes the descriptor if it is for the table to keep: one that is open for writing is
 * not, as the host could not execute the file meanwhile.
 */
static int adopt(struct request *r, const struct at *dir, const char *name, int fd, bool keep, const struct owner *o, int undo,
		 struct fuse_entry_out *out)
{
	struct share *s = r->share;
	struct inode *i = NULL;
	struct stat st;
	int ret;

	if (fd < 0)
		return fd;
	ret = fstat(fd, &st) ? -errno : 0;
	if (!ret) {
		/* So that it cannot be closed at once. */
		i = inode_found(s, dir->inode, name, -1, &st, 1);
		ret = i ? owner_set(s, i, fd, &st, o, true) : -ENFILE;
	}
	if (!ret)
		fill_entry(s, i, &st, o, out);
	if (i && !ret && keep) {
		inode_put(s, inode_found(s, dir->inode, name, fd, &st, 0));
		fd = -1;
	}
	if (i && ret)
		inode_forget(s, i->nodeid, 1);
	inode_put(s, i);
	if (keep && fd >= 0)
		close(fd);
	if (ret && undo >= 0)
		unlinkat(dir->fd, name, undo);
	return ret;
}

static int open_name(const struct at *dir, const char *name, int flags)
{
	int fd = openat(dir->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | flags);

	return fd < 0 ? -errno : fd;
}

int op_mkdir(struct request *r)
{
	const struct fuse_mkdir_in *in = ARG(r, fuse_mkdir_in);
	struct fuse_entry_out out;
	const char *name;
	struct owner o;
	struct at dir;
	int ret = in ? request_name(r, &name) : -EINVAL;

	if (ret)
		return ret;
	ret = at_get(r, r->in.nodeid, &dir) ?: new_owner(r, &dir, (in->mode & 07777) | S_IFDIR, &o);
	if (!ret)
		ret = mkdirat(dir.fd, name, owner_host_mode(o.mode)) ? -errno : 0;
	if (!ret)
		ret = adopt(r, &dir, name, open_name(&dir, name, O_DIRECTORY), true, &o, AT_REMOVEDIR, &out);
	at_put(r, &dir);
	return ret ? ret : request_put(r, &out, sizeof(out));
}

/* On the host it is a plain file, whatever it is. */
int op_mknod(struct request *r)
{
	const struct fuse_mknod_in *in = ARG(r, fuse_mknod_in);
	struct fuse_entry_out out;
	const char *name;
	struct owner o;
	struct at dir;
	int fd, ret = in ? request_name(r, &name) : -EINVAL;

	if (!ret && (S_ISDIR(in->mode) || S_ISLNK(in->mode)))
		ret = -EINVAL;
	if (ret)
		return ret;
	ret = at_get(r, r->in.nodeid, &dir) ?: new_owner(r, &dir, in->mode & S_IFMT ? in->mode : in->mode | S_IFREG, &o);
	if (!ret) {
		if (S_ISCHR(o.mode) || S_ISBLK(o.mode))
			o.rdev = in->rdev;
		fd = openat(dir.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, owner_host_mode(o.mode));
		ret = adopt(r, &dir, name, fd < 0 ? -errno : fd, false, &o, 0, &out);
		if (fd >= 0)
			close(fd);
	}
	at_put(r, &dir);
	return ret ? ret : request_put(r, &out, sizeof(out));
}

int op_symlink(struct request *r)
{
	struct fuse_entry_out out;
	const char *name, *target;
	struct owner o;
	struct at dir;
	int ret = request_name(r, &name) ?: request_text(r, &target, PATH_MAX - 1);

	if (ret)
		return ret;
	ret = at_get(r, r->in.nodeid, &dir) ?: new_owner(r, &dir, 0777 | S_IFLNK, &o);
	if (!ret)
		ret = symlinkat(target, dir.fd, name) ? -errno : 0;
	if (!ret)
		ret = adopt(r, &dir, name, open_name(&dir, name, 0), true, &o, 0, &out);
	at_put(r, &dir);
	return ret ? ret : request_put(r, &out, sizeof(out));
}

int op_link(struct request *r)
{
	const struct fuse_link_in *in = ARG(r, fuse_link_in);
	struct share *s = r->share;
	struct fuse_entry_out out;
	struct at dir, old = AT_NONE;
	struct inode *i = NULL;
	char path[16];
	const char *name;
	struct owner o;
	struct stat st;
	int ret = in ? request_name(r, &name) : -EINVAL;

	if (ret)
		return ret;
	ret = at_get(r, r->in.nodeid, &dir) ?: at_get(r, in->oldnodeid, &old);
	if (!ret && S_ISDIR(old.inode->type))
		ret = -EPERM;
	if (!ret) {
		snprintf(path, sizeof(path), "%d", old.fd);
		ret = linkat(s->proc_fd, path, dir.fd, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
	}
	if (!ret)
		ret = lookup_child(s, &dir, name, 1, &i, &st, &o);
	if (!ret)
		fill_entry(s, i, &st, &o, &out);
	inode_put(s, i);
	at_put(r, &old);
	at_put(r, &dir);
	return ret ? ret : request_put(r, &out, sizeof(out));
}

/* ---- files that are open at once ---- */

struct created {
	struct fuse_entry_out entry;
	struct fuse_open_out open;
};

static int answer_created(struct request *r, struct created *out, int fd, uint32_t flags)
{
	struct share *s = r->share;
	struct inode *i = inode_get(s, out->entry.nodeid);
	int ret = i ? 0 : -ESTALE;

	if (i)
		out->open.open_flags = open_answer(s, i, fd, flags);
	else
		close(fd);
	if (!ret)
		ret = file_open(s, i, fd, false, &out->open.fh);
	if (ret)
		inode_forget(s, out->entry.nodeid, 1);
	inode_put(s, i);
	return ret ? ret : request_put(r, out, sizeof(*out));
}

/* It was there already: the host or another name for it was quicker. */
static int open_existing(struct request *r, const struct at *dir, const char *name, uint32_t flags, struct created *out)
{
	struct share *s = r->share;
	struct inode *i;
	struct owner o;
	struct stat st;
	int fd, ret = lookup_child(s, dir, name, 1, &i, &st, &o);

	if (ret)
		return ret;
	fd = inode_fd(s, i);
	ret = fd;
	if (fd >= 0) {
		ret = S_ISREG(o.mode) ? open_again(fd, open_flags(flags) | (flags & O_TRUNC)) : -EEXIST;
		inode_fd_put(s, i);
	}
	if (ret >= 0)
		fill_entry(s, i, &st, &o, &out->entry);
	else
		inode_forget(s, i->nodeid, 1);
	inode_put(s, i);
	return ret;
}

int op_create(struct request *r)
{
	const struct fuse_create_in *in = ARG(r, fuse_create_in);
	struct created out = { 0 };
	const char *name;
	struct owner o;
	struct at dir;
	int fd = -1, ret = in ? request_name(r, &name) : -EINVAL;

	if (ret)
		return ret;
	ret = at_get(r, r->in.nodeid, &dir) ?: new_owner(r, &dir, (in->mode & 07777) | S_IFREG, &o);
	if (!ret) {
		fd = openat(dir.fd, name, open_flags(in->flags) | O_CREAT | O_EXCL | O_NOFOLLOW, owner_host_mode(o.mode));
		ret = fd < 0 ? -errno : 0;
	}
	if (!ret) {
		ret = adopt(r, &dir, name, fd, false, &o, 0, &out.entry);
		if (ret)
			close(fd);
	} else if (ret == -EEXIST && !(in->flags & O_EXCL)) {
		ret = fd = open_existing(r, &dir, name, in->flags, &out);
	}
	at_put(r, &dir);
	return ret < 0 ? ret : answer_created(r, &out, fd, in->flags);
}

int op_tmpfile(struct request *r)
{
	const struct fuse_create_in *in = ARG(r, fuse_create_in);
	struct created out = { 0 };
	struct owner o;
	struct at dir;
	int fd = -1, ret;

	if (!in)
		return -EINVAL;
	ret = at_get(r, r->in.nodeid, &dir) ?: new_owner(r, &dir, (in->mode & 07777) | S_IFREG, &o);
	if (!ret) {
		fd = openat(dir.fd, ".", (open_flags(in->flags) & ~O_ACCMODE) | O_TMPFILE | O_RDWR | (in->flags & O_EXCL), owner_host_mode(o.mode));
		ret = fd < 0 ? -errno : 0;
	}
	if (!ret) {
		/* It has no name yet, so it keeps a descriptor until it has. */
		int path = open_again(fd, O_PATH);

		ret = path < 0 ? path : adopt(r, &dir, "", path, true, &o, -1, &out.entry);
		if (ret)
			close(fd);
	}
	if (!ret) {
		struct inode *i = inode_get(r->share, out.entry.nodeid);

		if (i)
			inode_pin(r->share, i);
		inode_put(r->share, i);
	}
	at_put(r, &dir);
	return ret ? ret : answer_created(r, &out, fd, in->flags);
}
