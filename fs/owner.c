// SPDX-License-Identifier: GPL-2.0-or-later
#include "owner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/util.h"

#define TEXT_MAX	96
#define MODE_BITS	07777

/* The worker's working directory is /proc/self/fd, so this is a path to the inode. */
static void proc_name(char name[16], int fd)
{
	snprintf(name, 16, "%d", fd);
}

/* As Linux has it in what user space gets. */
static uint32_t encode_dev(unsigned int major, unsigned int minor)
{
	return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffU) << 12;
}

static int parse_type(const char *text, struct owner *o)
{
	unsigned int major, minor;
	char end;

	if (!strcmp(text, "file"))
		o->mode |= S_IFREG;
	else if (!strcmp(text, "dir"))
		o->mode |= S_IFDIR;
	else if (!strcmp(text, "symlink"))
		o->mode |= S_IFLNK;
	else if (!strcmp(text, "pipe"))
		o->mode |= S_IFIFO;
	else if (!strcmp(text, "socket"))
		o->mode |= S_IFSOCK;
	else if (sscanf(text, "block-%u-%u%c", &major, &minor, &end) == 2)
		o->mode |= S_IFBLK;
	else if (sscanf(text, "char-%u-%u%c", &major, &minor, &end) == 2)
		o->mode |= S_IFCHR;
	else
		return -EINVAL;
	if (S_ISBLK(o->mode) || S_ISCHR(o->mode))
		o->rdev = encode_dev(major, minor);
	return 0;
}

static int number(const char **p, int base, uint32_t *value)
{
	char *end;
	unsigned long n;

	if (**p < '0' || **p > '9')
		return -EINVAL;
	n = strtoul(*p, &end, base);
	if (n > UINT32_MAX)
		return -EINVAL;
	*value = n;
	*p = end;
	return 0;
}

int owner_parse(const char *text, mode_t type, struct owner *o)
{
	struct owner new = { 0 };
	const char *p = text;
	uint32_t mode;

	if (number(&p, 10, &new.uid) || *p++ != ':' || number(&p, 10, &new.gid) || *p++ != ':' || number(&p, 8, &mode))
		return -EINVAL;
	new.mode = mode & MODE_BITS;
	if (*p == ':') {
		if (parse_type(p + 1, &new))
			return -EINVAL;
	} else if (*p) {
		return -EINVAL;
	} else {
		new.mode |= mode & S_IFMT ? mode & S_IFMT : type;
	}
	/* Only a plain file can stand for something else. */
	if ((new.mode & S_IFMT) != type && (type != S_IFREG || S_ISDIR(new.mode) || S_ISLNK(new.mode)))
		new.mode = (new.mode & MODE_BITS) | type;
	*o = new;
	return 0;
}

int owner_format(char *text, size_t size, const struct owner *o)
{
	unsigned int maj = o->rdev >> 8 & 0xfff, min = (o->rdev & 0xff) | (o->rdev >> 12 & 0xfff00);
	char type[40];

	switch (o->mode & S_IFMT) {
	case S_IFDIR:
		strcpy(type, "dir");
		break;
	case S_IFIFO:
		strcpy(type, "pipe");
		break;
	case S_IFSOCK:
		strcpy(type, "socket");
		break;
	case S_IFBLK:
		snprintf(type, sizeof(type), "block-%u-%u", maj, min);
		break;
	case S_IFCHR:
		snprintf(type, sizeof(type), "char-%u-%u", maj, min);
		break;
	default:
		strcpy(type, "file");
	}
	return snprintf(text, size, "%" PRIu32 ":%" PRIu32 ":%04o:%s", o->uid, o->gid, o->mode & MODE_BITS, type);
}

mode_t owner_host_mode(uint32_t mode)
{
	if (S_ISDIR(mode))
		return (mode & 0777) | 0700;
	if (S_ISREG(mode))
		return (mode & 0777) | 0600;
	return 0600;
}

/* Without an attribute. */
static void plain(const struct share *s, const struct stat *st, struct owner *o)
{
	if (s->hide) {
		/* A host's root has the host's owners; who they are a user namespace does not tell, so they are root's then. */
		*o = (struct owner){ .uid = s->no_ids ? 0 : st->st_uid, .gid = s->no_ids ? 0 : st->st_gid, .mode = st->st_mode };
		if (s->no_ids)
			o->mode &= ~(S_ISUID | S_ISGID);
		return;
	}
	*o = (struct owner){
		.uid = st->st_uid == s->own_uid ? s->uid : OWNER_NOBODY,
		.gid = st->st_gid == s->own_gid ? s->gid : OWNER_NOBODY,
		.mode = st->st_mode,
	};
	if (!S_ISDIR(st->st_mode))
		o->mode &= ~(S_ISUID | S_ISGID);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		o->rdev = encode_dev(major(st->st_rdev), minor(st->st_rdev));
}

static bool has_xattr(const struct share *s, const struct stat *st)
{
	return !s->no_xattr && !s->hide && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode));
}

/* What getxattr() said, which returned n. 0 or -errno. */
static int take(struct share *s, const struct stat *st, char text[TEXT_MAX], ssize_t n, struct owner *o)
{
	plain(s, st, o);
	if (n >= 0) {
		text[n] = '\0';
		owner_parse(text, st->st_mode & S_IFMT, o);
		return 0;
	}
	if (errno == EOPNOTSUPP && st->st_dev == s->dev)
		s->no_xattr = true;
	/* The last two: of somebody's whose attributes we may not read. */
	return errno == ENODATA || errno == EOPNOTSUPP || errno == ERANGE || errno == EACCES || errno == EPERM ? 0 : -errno;
}

int owner_get(struct share *s, struct inode *i, int fd, const struct stat *st, struct owner *o)
{
	char name[16], text[TEXT_MAX];
	int ret = 0;

	if (inode_owner(s, i, st, o))
		return 0;
	if (has_xattr(s, st)) {
		proc_name(name, fd);
		ret = take(s, st, text, getxattr(name, OWNER_XATTR, text, sizeof(text) - 1), o);
	} else {
		plain(s, st, o);
	}
	if (!ret)
		inode_set_owner(s, i, st, o, false);
	return ret;
}

bool owner_by_name(struct share *s, int dir, const char *name, const struct stat *st, struct owner *o)
{
	char path[16 + NAME_MAX + 2], text[TEXT_MAX];
	struct stat now;

	if (!has_xattr(s, st)) {
		plain(s, st, o);
		return true;
	}
	snprintf(path, sizeof(path), "%d/%s", dir, name);
	if (take(s, st, text, lgetxattr(path, OWNER_XATTR, text, sizeof(text) - 1), o))
		return false;
	/* A rename, and each change of the attribute, changes the inode's time: so it was this inode's. */
	return !fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) && now.st_ino == st->st_ino && now.st_dev == st->st_dev &&
	       now.st_ctim.tv_sec == st->st_ctim.tv_sec && now.st_ctim.tv_nsec == st->st_ctim.tv_nsec;
}

static int host_chmod(int fd, mode_t mode)
{
	char name[16];

	proc_name(name, fd);
	return chmod(name, mode) ? -errno : 0;
}

int owner_set(struct share *s, struct inode *i, int fd, struct stat *st, const struct owner *o, bool fresh)
{
	mode_t host = owner_host_mode(o->mode);
	char name[16], text[TEXT_MAX];
	struct stat as = *st;
	struct owner seen;
	int ret = 0;

	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)) {
		inode_set_owner(s, i, st, o, true);
		return 0;
	}
	if (st->st_uid == s->own_uid && (st->st_mode & MODE_BITS) != host) {
		ret = host_chmod(fd, host);
		if (ret)
			return ret;
		as.st_mode = (st->st_mode & S_IFMT) | host;
	}
	plain(s, &as, &seen);
	proc_name(name, fd);
	if (seen.uid == o->uid && seen.gid == o->gid && seen.mode == o->mode) {
		if (!fresh && !s->no_xattr && removexattr(name, OWNER_XATTR) && errno != ENODATA && errno != EOPNOTSUPP)
			ret = -errno;
	} else if (s->no_xattr) {
		ret = -EOPNOTSUPP;
	} else {
		owner_format(text, sizeof(text), o);
		if (setxattr(name, OWNER_XATTR, text, strlen(text), 0))
			ret = -errno;
	}
	if (ret && ret != -EOPNOTSUPP)
		return ret;
	if (fstat(fd, st))
		return -errno;
	inode_set_owner(s, i, st, o, ret == -EOPNOTSUPP);
	return 0;
}

int owner_kill_suid(struct share *s, struct inode *i, int fd)
{
	struct owner o;
	struct stat st;
	int ret;

	if (fstat(fd, &st))
		return -errno;
	ret = owner_get(s, i, fd, &st, &o);
	if (ret || !S_ISREG(o.mode))
		return ret;
	if (!(o.mode & S_ISUID) && (o.mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP))
		return 0;
	o.mode &= ~S_ISUID;
	if (o.mode & S_IXGRP)
		o.mode &= ~S_ISGID;
	return owner_set(s, i, fd, &st, &o, false);
}
