// SPDX-License-Identifier: GPL-2.0-or-later
/* What is hidden, found before the lists of system calls are closed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "hide.h"

/* Not of this machine's users, but of this machine: the guest has other disks, and is another machine. */
static const char *const others[] = { "/etc/fstab", "/etc/crypttab", "/etc/machine-id" };

/* What programs left there is not theirs to run. */
static const char *const left[] = { "/var/backups", "/var/crash", "/var/log", "/var/mail", "/var/spool", "/var/tmp", "/var/www" };

static int add(struct hide *h, const char *path, bool soft)
{
	struct hide_name *n = &h->name[h->nr];
	const char *slash;

	if (h->nr == HIDE_NAMES_MAX)
		return -E2BIG;
	n->path = strdup(path + 1);
	if (!n->path)
		return -ENOMEM;
	slash = strrchr(n->path, '/');
	n->last = slash ? slash + 1 : n->path;
	n->soft = soft;
	h->nr++;
	return 0;
}

struct hide *hide_new(void)
{
	struct hide *h = calloc(1, sizeof(*h));
	size_t i;
	int ret = h ? 0 : -ENOMEM;

	for (i = 0; i < ARRAY_SIZE(others) && !ret; i++)
		ret = add(h, others[i], true);
	for (i = 0; i < ARRAY_SIZE(left) && !ret; i++)
		ret = add(h, left[i], false);
	return ret ? NULL : h;
}

int hide_add(struct hide *h, const char *path, struct r3_err *err)
{
	size_t len = strlen(path);
	int ret;

	if (path[0] != '/' || len < 2 || path[len - 1] == '/' || strstr(path, "//"))
		return err_set(err, -EINVAL, "%s cannot be hidden: give an absolute path below the root", path);
	ret = add(h, path, false);
	return ret == -E2BIG ? err_set(err, ret, "more than %zu paths cannot be hidden", (size_t)HIDE_NAMES_MAX - ARRAY_SIZE(others) - ARRAY_SIZE(left)) :
	       ret ? err_set(err, ret, "no memory for what is to be hidden") : 0;
}

static int close_dir(struct hide *h, const struct stat *st)
{
	struct hide_id *more = realloc(h->closed, (h->nr_closed + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	h->closed = more;
	more[h->nr_closed++] = hide_id(st);
	return 0;
}

/* The directory of a name, if it is there: each part of the way is one, and no link. */
static int open_dir_of(int root, const struct hide_name *n)
{
	char path[PATH_MAX], *part, *rest = path;
	int dir = openat(root, ".", O_PATH | O_CLOEXEC), fd;

	if ((size_t)(n->last - n->path) >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, n->path, n->last - n->path);
	path[n->last - n->path] = '\0';
	while (dir >= 0 && (part = strsep(&rest, "/"))) {
		if (!*part)
			continue;
		fd = openat(dir, part, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
		close(dir);
		dir = fd;
	}
	return dir < 0 ? -errno : dir;
}

static int find_name(struct hide *h, struct hide_name *n, int root)
{
	int dir = open_dir_of(root, n), ret = 0;
	struct stat st;

	if (dir < 0)
		return dir == -ENOENT || dir == -ENOTDIR || dir == -EACCES || dir == -ELOOP ? 0 : dir;
	if (!fstat(dir, &st)) {
		n->found = true;
		n->dir = hide_id(&st);
		if (!fstatat(dir, n->last, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) && S_ISDIR(st.st_mode))
			ret = close_dir(h, &st);
	}
	close(dir);
	return ret;
}

/* Calls @each with all names of a directory but "." and ".."; ends with the first error. */
static int all_names(int dir, int (*each)(void *ctx, int dir, const char *name), void *ctx)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	struct dirent *e;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	while (!ret && (errno = 0, e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			ret = each(ctx, dirfd(d), e->d_name);
	closedir(d);
	return ret;
}

static int close_at_top(void *ctx, int dir, const char *name)
{
	struct stat st;

	if (hide_is_shown(name) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) || !S_ISDIR(st.st_mode))
		return 0;
	return close_dir(ctx, &st);
}

int hide_start(struct hide *h, int root)
{
	struct stat st;
	size_t i;
	int ret;

	if (fstat(root, &st))
		return -errno;
	h->root = hide_id(&st);
	ret = all_names(root, close_at_top, h);
	for (i = 0; i < h->nr && !ret; i++)
		ret = find_name(h, &h->name[i], root);
	return ret;
}

/* ---- for Landlock ---- */

struct granting {
	const struct hide *h;
	const char *path;		/* of the directory, with a slash behind it; "" for the root */
	int (*grant)(void *ctx, int fd);
	void *ctx;
};

static int grant_one(void *ctx, int dir, const char *name)
{
	const struct granting *g = ctx;
	char path[PATH_MAX];
	struct granting below = { g->h, path, g->grant, g->ctx };
	bool splits = false;
	struct stat st;
	size_t i, len;
	int fd, ret;

	if (!*g->path && !hide_is_shown(name))
		return 0;
	len = snprintf(path, sizeof(path), "%s%s", g->path, name);
	if (len >= sizeof(path) - 1)
		return 0;
	for (i = 0; i < g->h->nr; i++) {
		const struct hide_name *n = &g->h->name[i];

		if (n->soft || strncmp(n->path, path, len))
			continue;
		if (!n->path[len])
			return 0;
		splits |= n->path[len] == '/';
	}
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) || !hide_public(&st) || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
		ret = 0;
	} else if (splits && S_ISDIR(st.st_mode)) {
		strcpy(path + len, "/");
		ret = all_names(fd, grant_one, &below);
	} else {
		ret = g->grant(g->ctx, fd);
	}
	close(fd);
	return ret;
}

int hide_grant(const struct hide *h, int root, int (*grant)(void *ctx, int fd), void *ctx)
{
	struct granting g = { h, "", grant, ctx };

	return all_names(root, grant_one, &g);
}
