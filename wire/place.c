// SPDX-License-Identifier: GPL-2.0-or-later
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct place_dir {
	struct place_dir *next;
	mode_t mode;
	int64_t mtime;
	uint32_t nsec;
	char path[];
};

bool place_path_ok(const char **path)
{
	const char *p = *path;
	size_t n;

	p += strspn(p, "/");
	*path = p;
	if (!*p || strlen(p) >= PATH_MAX)
		return false;
	for (; *p; p += n + strspn(p + n, "/")) {
		n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return false;
	}
	return true;
}

static int open_beneath(int root, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* The directory @dir, made as far as it is missing. */
static int open_dir(struct place *p, char *dir)
{
	int fd = open_beneath(p->root, *dir ? dir : ".", O_PATH | O_DIRECTORY), up;
	char *slash;

	if (fd != -ENOENT)
		return fd;
	slash = strrchr(dir, '/');
	if (slash)
		*slash = 0;
	up = open_dir(p, slash ? dir : (char []){ "" });
	if (slash)
		*slash = '/';
	if (up < 0)
		return up;
	fd = mkdirat(up, slash ? slash + 1 : dir, 0755) < 0 && errno != EEXIST ? -errno : 0;
	close(up);
	return fd ? fd : open_beneath(p->root, dir, O_PATH | O_DIRECTORY);
}

/* Opens the directory that @path is in; *name is the rest, "." for the root itself. */
static int open_parent(struct place *p, const char *path, char *copy, const char **name)
{
	char *slash;
	size_t len;

	if (!place_path_ok(&path))
		return -EINVAL;
	strcpy(copy, path);
	for (len = strlen(copy); len > 1 && copy[len - 1] == '/'; len--)
		copy[len - 1] = 0;
	slash = strrchr(copy, '/');
	*name = slash ? slash + 1 : copy;
	if (slash)
		*slash = 0;
	return open_dir(p, slash ? copy : (char []){ "" });
}

static mode_t wanted(const struct place *p, const struct place_entry *e)
{
	return e->mode & (p->flags & PLACE_SPECIAL ? 07777 : 01777);
}

static void times_of(struct timespec *ts, int64_t sec, uint32_t nsec)
{
	ts[0] = (struct timespec){ .tv_nsec = UTIME_OMIT };
	ts[1] = (struct timespec){ sec, nsec < 1000000000 ? nsec : 0 };
}

static int add_dir(struct place *p, const struct place_entry *e, int parent, const char *name)
{
	struct place_dir *dir;
	struct stat st;

	/* The root is somebody's already. */
	if (!strcmp(name, "."))
		return 0;
	if (!fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) && !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (p->flags & PLACE_OWNERS && fchownat(parent, name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	dir = malloc(sizeof(*dir) + strlen(e->path) + 1);
	if (!dir)
		return -ENOMEM;
	dir->mode = wanted(p, e);
	dir->mtime = e->mtime;
	dir->nsec = e->nsec;
	strcpy(dir->path, e->path);
	dir->next = p->dirs;
	p->dirs = dir;
	return 0;
}

static int add_file(struct place *p, int parent, const char *name, int *fd)
{
	*fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return *fd < 0 ? -errno : 0;
}

static int add_hardlink(struct place *p, const struct place_entry *e, int parent, const char *name)
{
	char copy[PATH_MAX];
	const char *target;
	int dir = open_parent(p, e->link, copy, &target), ret;

	if (dir < 0)
		return dir;
	/* Without AT_SYMLINK_FOLLOW: the name itself, which is in there. */
	ret = linkat(dir, target, parent, name, 0) < 0 ? -errno : 0;
	close(dir);
	return ret;
}

static int add_other(struct place *p, const struct place_entry *e, int parent, const char *name)
{
	struct timespec ts[2];
	int ret;

	if (S_ISLNK(e->mode))
		ret = symlinkat(e->link, parent, name);
	else if (S_ISFIFO(e->mode))
		ret = mknodat(parent, name, S_IFIFO | wanted(p, e), 0);
	else if ((S_ISCHR(e->mode) || S_ISBLK(e->mode)) && p->flags & PLACE_DEVICES)
		ret = mknodat(parent, name, (e->mode & S_IFMT) | wanted(p, e), makedev(e->major, e->minor));
	else
		return p->skipped++, 0;
	if (!ret && p->flags & PLACE_OWNERS)
		ret = fchownat(parent, name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW);
	if (ret < 0)
		return -errno;
	times_of(ts, e->mtime, e->nsec);
	utimensat(parent, name, ts, AT_SYMLINK_NOFOLLOW);
	return 0;
}

int place_add(struct place *p, const struct place_entry *e, int *fd)
{
	char copy[PATH_MAX];
	const char *name;
	int parent = open_parent(p, e->path, copy, &name), ret;

	*fd = -1;
	if (parent < 0)
		return parent;
	if (S_ISDIR(e->mode) && !e->hard) {
		ret = add_dir(p, e, parent, name);
		close(parent);
		return ret;
	}
	/* Replaced, and not written to: it may have other names. */
	ret = unlinkat(parent, name, 0) < 0 && errno != ENOENT ? -errno : 0;
	if (!ret && e->hard)
		ret = add_hardlink(p, e, parent, name);
	else if (!ret && S_ISREG(e->mode))
		ret = add_file(p, parent, name, fd);
	else if (!ret)
		ret = add_other(p, e, parent, name);
	close(parent);
	return ret;
}

int place_end(struct place *p, const struct place_entry *e, int fd)
{
	struct timespec ts[2];
	int ret = 0;

	/* The owner first: it takes the special bits away. */
	if (p->flags & PLACE_OWNERS && fchown(fd, e->uid, e->gid) < 0)
		ret = -errno;
	if (!ret && fchmod(fd, wanted(p, e)) < 0)
		ret = -errno;
	times_of(ts, e->mtime, e->nsec);
	if (!ret && futimens(fd, ts) < 0)
		ret = -errno;
	if (close(fd) < 0 && !ret)
		ret = -errno;
	return ret;
}

int place_finish(struct place *p)
{
	struct place_dir *dir;
	struct timespec ts[2];
	int ret = 0, fd;

	/* The last that came is the first here, so none is closed before what is in it. */
	while ((dir = p->dirs)) {
		fd = open_beneath(p->root, dir->path, O_RDONLY | O_DIRECTORY);
		times_of(ts, dir->mtime, dir->nsec);
		if (fd < 0)
			ret = ret ? ret : fd;
		else if (fchmod(fd, dir->mode) < 0 || futimens(fd, ts) < 0)
			ret = ret ? ret : -errno;
		if (fd >= 0)
			close(fd);
		p->dirs = dir->next;
		free(dir);
	}
	return ret;
}
