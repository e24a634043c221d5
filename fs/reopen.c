// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An inode is opened again by its name, from the nearest directory above that has a
 * descriptor: name after name, none of which is a link or "..", so that the way leads
 * down only, whoever changes the folder meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "inode.h"

#define DEPTH_MAX	8192

/*
 * One name after the other. openat2() could do it at once, but what it is asked for, a mode
 * with a set-user-ID bit too, is in memory, where the list of system calls does not see it.
 */
static int open_path(int from, char *path)
{
	char *name = path, *slash;
	int dir = from, fd;

	for (;; name = slash + 1, dir = fd) {
		slash = strchr(name, '/');
		if (slash)
			*slash = '\0';
		fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | (slash ? O_DIRECTORY : 0));
		if (fd < 0)
			fd = -errno;
		if (dir != from)
			close(dir);
		if (fd < 0 || !slash)
			return fd;
	}
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
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		fd = -ESTALE;
	return fd;
}
