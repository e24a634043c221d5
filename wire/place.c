// SPDX-License-Identifier: GPL-2.0-or-later
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>
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

/* ---- names meanwhile ---- */

static void make_temp(int dir, char *name)
{
	static unsigned int nr;
	struct timespec ts;
	struct stat st;

	do {
		clock_gettime(CLOCK_REALTIME, &ts);
		snprintf(name, PLACE_TEMP_LEN, ".ring3-cp-%08x%08x", (unsigned int)ts.tv_nsec ^ (unsigned int)getpid() << 12, (unsigned int)ts.tv_sec + nr++);
	} while (!fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW));
}

/* Has the top to be made under another name? Only the first entry says what it is. */
static void begin(struct place *p, const struct place_entry *e)
{
	struct stat st;
	int there;

	p->begun = true;
	if (!p->top || !*p->top || !strcmp(p->top, "."))
		return;
	there = fstatat(p->root, p->top, &st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
	if (there == -ENOENT || (!there && !S_ISDIR(st.st_mode) && !S_ISDIR(e->mode)))
		make_temp(p->root, p->temp);
}

/* The path as it is meanwhile. */
static const char *meanwhile(const struct place *p, const char *path, char *buf)
{
	size_t len = p->temp[0] ? strlen(p->top) : 0;

	if (!len || strncmp(path, p->top, len) || (path[len] && path[len] != '/'))
		return path;
	if (snprintf(buf, PATH_MAX, "%s%s", p->temp, path + len) >= PATH_MAX)
		return path;
	return buf;
}

/* A tree that we made, so no deeper than paths are long. */
static void remove_tree(int dir, const char *name)
{
	DIR *d;
	struct dirent *entry;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0) {
		unlinkat(dir, name, 0);
		return;
	}
	fchmod(fd, 0700);
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return;
	}
	while ((entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove_tree(fd, entry->d_name);
	closedir(d);
	unlinkat(dir, name, AT_REMOVEDIR);
}

/* The name at last. What is there is replaced at once; a directory never is. */
static int give_name(int dir, const char *temp, const char *name)
{
	int ret = renameat(dir, temp, dir, name) ? -errno : 0;

	/* Of two names of one file it does nothing; and of one that was not renamed nothing stays. */
	unlinkat(dir, temp, 0);
	return ret;
}

static int name_top(struct place *p)
{
	struct stat st;
	int ret;

	if (fstatat(p->root, p->temp, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	if (!S_ISDIR(st.st_mode))
		return give_name(p->root, p->temp, p->top);
	/* Somebody else may have made one meanwhile; an empty one is as good as none. */
	ret = renameat(p->root, p->temp, p->root, p->top) ? -errno : 0;
	if (ret)
		remove_tree(p->root, p->temp);
	return ret;
}

/* ---- attributes ---- */

bool place_xattr_ok(const char *name, unsigned int flags)
{
	if (!strncmp(name, "user.", 5))
		return true;
	return flags & PLACE_OWNERS && (!strcmp(name, "security.capability") || !strcmp(name, "system.posix_acl_access") ||
					!strcmp(name, "system.posix_acl_default"));
}

static void set_xattrs(struct place *p, const struct place_entry *e, int fd)
{
	unsigned int i, failed = 0;

	for (i = 0; i < e->nr_xattrs; i++)
		if (place_xattr_ok(e->xattr[i].name, p->flags) && fsetxattr(fd, e->xattr[i].name, e->xattr[i].value, e->xattr[i].len, 0))
			failed++;
	p->bare += failed > 0;
}

/* ---- entries ---- */

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
	if (e->nr_xattrs) {
		int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd >= 0) {
			set_xattrs(p, e, fd);
			close(fd);
		}
	}
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

/* In a tree that has its name already: what is in the way is replaced, and not written to, as it may have other names. */
static int add_beside(struct place *p, const struct place_entry *e, int parent, const char *name, int *fd)
{
	const unsigned int skipped = p->skipped;
	char temp[PLACE_TEMP_LEN];
	struct stat st;
	int ret;

	if (strlen(name) >= sizeof(p->file))
		return -ENAMETOOLONG;
	if (!fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode))
		return -EISDIR;
	make_temp(parent, temp);
	if (!e->hard && S_ISREG(e->mode)) {
		ret = add_file(p, parent, temp, fd);
		if (ret)
			return ret;
		p->parent = dup(parent);
		strcpy(p->file, name);
		strcpy(p->file_temp, temp);
		return 0;
	}
	ret = e->hard ? add_hardlink(p, e, parent, temp) : add_other(p, e, parent, temp);
	return ret || skipped != p->skipped ? ret : give_name(parent, temp, name);
}

static int add_inside(struct place *p, const struct place_entry *e, int parent, const char *name, int *fd)
{
	int ret = unlinkat(parent, name, 0) < 0 && errno != ENOENT ? -errno : 0;

	if (ret)
		return ret;
	if (e->hard)
		return add_hardlink(p, e, parent, name);
	return S_ISREG(e->mode) ? add_file(p, parent, name, fd) : add_other(p, e, parent, name);
}

int place_add(struct place *p, const struct place_entry *entry, int *fd)
{
	static char path[PATH_MAX], link[PATH_MAX];
	struct place_entry e = *entry;
	char copy[PATH_MAX];
	const char *name;
	int parent, ret;

	*fd = -1;
	if (!p->begun)
		begin(p, entry);
	e.path = meanwhile(p, entry->path, path);
	if (e.hard)
		e.link = meanwhile(p, entry->link, link);
	parent = open_parent(p, e.path, copy, &name);
	if (parent < 0)
		return parent;
	if (S_ISDIR(e.mode) && !e.hard)
		ret = add_dir(p, &e, parent, name);
	else
		ret = p->temp[0] ? add_inside(p, &e, parent, name, fd) : add_beside(p, &e, parent, name, fd);
	close(parent);
	return ret;
}

static void forget_file(struct place *p)
{
	close(p->parent);
	p->file_temp[0] = 0;
}

int place_end(struct place *p, const struct place_entry *e, int fd)
{
	struct timespec ts[2];
	int ret = 0;

	/* The owner first: it takes the special bits away. */
	if (p->flags & PLACE_OWNERS && fchown(fd, e->uid, e->gid) < 0)
		ret = -errno;
	if (!ret)
		set_xattrs(p, e, fd);
	if (!ret && fchmod(fd, wanted(p, e)) < 0)
		ret = -errno;
	times_of(ts, e->mtime, e->nsec);
	if (!ret && futimens(fd, ts) < 0)
		ret = -errno;
	if (close(fd) < 0 && !ret)
		ret = -errno;
	if (!ret && p->file_temp[0]) {
		ret = give_name(p->parent, p->file_temp, p->file);
		forget_file(p);
	}
	return ret;
}

int place_finish(struct place *p, bool good)
{
	struct place_dir *dir;
	struct timespec ts[2];
	int ret = 0, fd;

	if (p->file_temp[0]) {
		unlinkat(p->parent, p->file_temp, 0);
		forget_file(p);
	}
	/* The last that came is the first here, so none is closed before what is in it. */
	while ((dir = p->dirs)) {
		fd = !good && p->temp[0] ? -ENOENT : open_beneath(p->root, dir->path, O_RDONLY | O_DIRECTORY);
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
	if (p->temp[0] && good && !ret)
		ret = name_top(p);
	else if (p->temp[0])
		remove_tree(p->root, p->temp);
	return ret;
}
