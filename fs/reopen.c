// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An inode is opened again by its name. openat2() keeps the way below the directory
 * that it starts from, and takes no link on it, whoever changes the folder meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "inode.h"

#define DEPTH_MAX	8192
#define PIECE_MAX	(PATH_MAX - NAME_MAX - 2)	/* of a path, for one call */

static int open_below(int dir, const char *path, uint64_t flags)
{
	const struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC | flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* Paths that are longer than the host takes are gone in pieces. */
static int open_path(int from, char *path)
{
	size_t left = strlen(path);
	int dir = from, fd;

	while (left > PIECE_MAX) {
		char *cut = path + PIECE_MAX;

		while (*cut != '/')
			cut--;
		*cut = '\0';
		fd = open_below(dir, path, O_DIRECTORY);
		if (dir != from)
			close(dir);
		if (fd < 0)
			return fd;
		dir = fd;
		left -= cut + 1 - path;
		path = cut + 1;
	}
	fd = open_below(dir, path, 0);
	if (dir != from)
		close(dir);
	return fd;
}

/* Return: the path from the nearest directory above with a descriptor, or NULL with @err set. */
static char *path_of(const struct inode *i, struct inode **above, int *err)
{
	const struct inode *p;
	size_t len = 0, n;
	unsigned int depth = 0;
	char *path, *at;

	for (p = i; p->parent && (p == i || p->fd < 0); p = p->parent) {
		len += strlen(p->name) + 1;
		if (++depth > DEPTH_MAX) {
			*err = -ESTALE;
			return NULL;
		}
	}
	*above = (struct inode *)p;
	path = malloc(len + 1);
	if (!path) {
		*err = -ENOMEM;
		return NULL;
	}
	at = path + len;
	*at = '\0';
	for (p = i; p != *above; p = p->parent) {
		n = strlen(p->name);
		if (p != i)
			*--at = '/';
		at -= n;
		memcpy(at, p->name, n);
	}
	/* One byte was counted for a slash that the last name has not. */
	memmove(path, at, strlen(at) + 1);
	return path;
}

int inode_reopen(struct share *s, struct inode *i)
{
	struct inode *above;
	struct stat st;
	int fd, ret = 0;
	char *path = path_of(i, &above, &ret);

	if (!path)
		return ret;
	above->fd_users++;
	above->refs++;
	if (above->in_lru) {
		above->newer->older = above->older;
		above->older->newer = above->newer;
		above->in_lru = false;
	}
	inodes_unlock(s);
	fd = open_path(above->fd, path);
	free(path);
	if (fd >= 0 && (fstat(fd, &st) || st.st_ino != i->ino || st.st_dev != i->dev || (st.st_mode & S_IFMT) != i->type)) {
		close(fd);
		fd = -ESTALE;
	}
	inode_fd_put(s, above);
	inode_put(s, above);
	inodes_lock(s);
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV || fd == -EAGAIN)
		fd = -ESTALE;
	return fd;
}
