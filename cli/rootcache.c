// SPDX-License-Identifier: GPL-2.0-or-later
#include "rootcache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "message.h"

/* Of the images' format: those of an older program are not used, and go in time. */
#define PREFIX		"1-"
#define IMAGE		".img"
#define SETTINGS	".conf"
#define LOCK		".lock"
#define MEMO		"memo-"
#define TEMP		"new-"
#define SETTINGS_MAX	(1 << 20)
/* Time stamps are no finer than some milliseconds: a file this young may change without one. */
#define RACY_SECONDS	2
#define MEMO_DAYS	30

int rootcache_open(char *path, size_t size, struct r3_err *err)
{
	const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *cache = "";
	char *p;
	int fd;

	if (!base || !*base) {
		base = home;
		cache = "/.cache";
	}
	if (!base || *base != '/')
		return err_set(err, EINVAL, "there is no place for the file system of the root: set XDG_CACHE_HOME to the absolute path of a directory");
	if ((size_t)snprintf(path, size, "%s%s/ring3/roots", base, cache) >= size)
		return err_set(err, ENAMETOOLONG, "the path of the cache is too long: set XDG_CACHE_HOME to a shorter one");
	for (p = path + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		mkdir(path, 0755);
	}
	mkdir(path, 0700);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || faccessat(fd, ".", W_OK | X_OK, 0) < 0) {
		int e = errno;

		if (fd >= 0)
			close(fd);
		return err_set(err, e, "the cache %s cannot be written: %s; set XDG_CACHE_HOME to another directory", path, strerror(e));
	}
	return fd;
}

static void file_name(char *name, const char *digest, const char *suffix)
{
	snprintf(name, NAME_MAX, PREFIX "%.64s%s", digest, suffix);
}

void rootcache_path(const char *dir, const char *digest, char *path, size_t size)
{
	snprintf(path, size, "%s/" PREFIX "%.64s" IMAGE, dir, digest);
}

bool rootcache_have(int dir, const char *digest, char **settings, size_t *len)
{
	cleanup_close int image = -1, fd = -1;
	char name[NAME_MAX];
	struct stat st;

	file_name(name, digest, IMAGE);
	image = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	file_name(name, digest, SETTINGS);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (image < 0 || fd < 0 || fstat(fd, &st) < 0 || st.st_size > SETTINGS_MAX)
		return false;
	*settings = calloc(1, st.st_size + 1);
	if (!*settings || read_full(fd, *settings, st.st_size) != st.st_size) {
		free(*settings);
		return false;
	}
	*len = st.st_size;
	futimens(image, NULL);
	return true;
}

/* ---- making one ---- */

static int unnamed(int dir, int flags)
{
	return openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC | flags, 0444);
}

/* Its lock says that somebody is still writing to it. */
static int named(int dir, char *name, size_t size)
{
	static unsigned int nr;
	int fd;

	snprintf(name, size, TEMP "%d-%u", getpid(), nr++);
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd >= 0)
		flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}

static int new_file(int dir, char *name, size_t size)
{
	int fd = unnamed(dir, 0);

	*name = 0;
	return fd >= 0 ? fd : named(dir, name, size);
}

int rootcache_scratch(int dir, struct r3_err *err)
{
	char name[32] = "";
	int fd = unnamed(dir, O_EXCL);

	if (fd < 0)
		fd = named(dir, name, sizeof(name));
	if (fd >= 0 && name[0])
		unlinkat(dir, name, 0);
	return fd < 0 ? err_set(err, errno, "no file in the cache: %s", strerror(errno)) : fd;
}

/* Who had it before removes it. */
static bool still_there(int dir, const char *name, int fd)
{
	struct stat a, b;

	return !fstat(fd, &a) && !fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int one_lock(int dir, const char *name, struct r3_err *err)
{
	int fd;

	fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, errno, "no lock in the cache: %s", strerror(errno));
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	message("waiting for another ring3 that makes the same root");
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR) {
			int e = errno;

			close(fd);
			return err_set(err, e, "no lock in the cache: %s", strerror(e));
		}
	return fd;
}

static int take_lock(int dir, const char *digest, struct r3_err *err)
{
	char name[NAME_MAX];
	int fd;

	file_name(name, digest, LOCK);
	while ((fd = one_lock(dir, name, err)) >= 0 && !still_there(dir, name, fd))
		close(fd);
	return fd;
}

/* What was left by one that was killed. */
static void clean(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *de;
	struct stat st;

	while (d && (de = readdir(d))) {
		if (!strncmp(de->d_name, MEMO, strlen(MEMO))) {
			if (!fstatat(dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) && st.st_mtime < time(NULL) - MEMO_DAYS * 86400)
				unlinkat(dir, de->d_name, 0);
			continue;
		}
		if (strncmp(de->d_name, TEMP, strlen(TEMP)))
			continue;
		fd = openat(dir, de->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
			unlinkat(dir, de->d_name, 0);
		if (fd >= 0)
			close(fd);
	}
	if (d)
		closedir(d);
	else if (copy >= 0)
		close(copy);
}

int rootcache_begin(int dir, const char *digest, struct rootcache_new *new, struct r3_err *err)
{
	char *settings;
	size_t len;

	*new = (struct rootcache_new){ .lock = -1, .image = -1, .settings = -1 };
	snprintf(new->digest, sizeof(new->digest), "%s", digest);
	new->lock = take_lock(dir, digest, err);
	if (new->lock < 0)
		return new->lock;
	if (rootcache_have(dir, digest, &settings, &len)) {
		free(settings);
		rootcache_abort(dir, new);
		return 1;
	}
	clean(dir);
	new->image = new_file(dir, new->temp[0], sizeof(new->temp[0]));
	new->settings = new_file(dir, new->temp[1], sizeof(new->temp[1]));
	if (new->image < 0 || new->settings < 0) {
		int e = errno;

		rootcache_abort(dir, new);
		return err_set(err, e, "no file in the cache: %s", strerror(e));
	}
	return 0;
}

static int give_name(int dir, int fd, const char *temp, const char *digest, const char *suffix)
{
	char name[NAME_MAX], self[64];

	file_name(name, digest, suffix);
	if (temp[0])
		return renameat(dir, temp, dir, name) < 0 ? -errno : 0;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	unlinkat(dir, name, 0);
	return linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int rootcache_commit(int dir, struct rootcache_new *new, struct r3_err *err)
{
	int ret = fsync(new->image) || fsync(new->settings) ? -errno : 0;

	/* The image is the last: who finds it finds all. */
	if (!ret)
		ret = give_name(dir, new->settings, new->temp[1], new->digest, SETTINGS);
	if (!ret)
		ret = give_name(dir, new->image, new->temp[0], new->digest, IMAGE);
	if (!ret)
		new->temp[0][0] = new->temp[1][0] = 0;
	rootcache_abort(dir, new);
	return ret ? err_set(err, ret, "the cache cannot be written: %s; set XDG_CACHE_HOME to another directory", strerror(-ret)) : 0;
}

void rootcache_abort(int dir, struct rootcache_new *new)
{
	char name[NAME_MAX];
	int i;

	for (i = 0; i < 2; i++)
		if (new->temp[i][0])
			unlinkat(dir, new->temp[i], 0);
	if (new->image >= 0)
		close(new->image);
	if (new->settings >= 0)
		close(new->settings);
	if (new->lock >= 0) {
		file_name(name, new->digest, LOCK);
		unlinkat(dir, name, 0);
		close(new->lock);
	}
	*new = (struct rootcache_new){ .lock = -1, .image = -1, .settings = -1 };
}

/* ---- what a file was found to hold ---- */

static void memo_name(char *name, const struct stat *st, const char *what)
{
	uint64_t hash = 14695981039346656037ULL;
	const char *p;

	/* It only keeps names apart; the whole text is in the file. */
	for (p = what; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 1099511628211ULL;
	snprintf(name, NAME_MAX, MEMO "%llx-%llx-%llx-%llx.%lx-%llx.%lx-%llx", (unsigned long long)st->st_dev,
		 (unsigned long long)st->st_ino, (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
		 st->st_mtim.tv_nsec, (unsigned long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec, (unsigned long long)hash);
}

bool rootcache_recall(int dir, const struct stat *st, const char *what, char *digest)
{
	char name[NAME_MAX], text[600];
	cleanup_close int fd = -1;
	ssize_t n;

	memo_name(name, st, what);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	n = fd < 0 ? -1 : read_full(fd, text, sizeof(text) - 1);
	if (n < ROOTCACHE_DIGEST)
		return false;
	text[n] = 0;
	if (text[ROOTCACHE_DIGEST - 1] != ' ' || strcmp(text + ROOTCACHE_DIGEST, what))
		return false;
	snprintf(digest, ROOTCACHE_DIGEST, "%.64s", text);
	return strspn(digest, "0123456789abcdef") == ROOTCACHE_DIGEST - 1;
}

void rootcache_note(int dir, const struct stat *st, int fd, const char *what, const char *digest)
{
	char name[NAME_MAX], temp[32];
	struct timespec now;
	struct stat after;
	int file;

	if (fstat(fd, &after) < 0 || after.st_size != st->st_size || after.st_mtim.tv_sec != st->st_mtim.tv_sec ||
	    after.st_mtim.tv_nsec != st->st_mtim.tv_nsec || after.st_ctim.tv_sec != st->st_ctim.tv_sec ||
	    after.st_ctim.tv_nsec != st->st_ctim.tv_nsec)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec < st->st_ctim.tv_sec + RACY_SECONDS)
		return;
	file = named(dir, temp, sizeof(temp));
	if (file < 0)
		return;
	memo_name(name, st, what);
	if (dprintf(file, "%s %s", digest, what) < 0 || renameat(dir, temp, dir, name) < 0)
		unlinkat(dir, temp, 0);
	close(file);
}

/* ---- all of them ---- */

static int newer(const void *a, const void *b)
{
	const struct rootcache_entry *x = a, *y = b;

	return (x->used < y->used) - (x->used > y->used);
}

int rootcache_list(int dir, struct rootcache_entry **list)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct rootcache_entry *more;
	struct dirent *de;
	struct stat st;

	*list = NULL;
	if (!d) {
		if (copy >= 0)
			close(copy);
		return -errno;
	}
	while ((de = readdir(d))) {
		size_t len = strlen(de->d_name), want = strlen(PREFIX) + ROOTCACHE_DIGEST - 1 + strlen(IMAGE);

		if (len != want || strcmp(de->d_name + len - strlen(IMAGE), IMAGE) ||
		    fstatat(dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		more = realloc(*list, (n + 1) * sizeof(*more));
		if (!more)
			break;
		*list = more;
		more += n++;
		*more = (struct rootcache_entry){ .bytes = st.st_blocks * 512ULL, .used = st.st_mtime };
		snprintf(more->digest, sizeof(more->digest), "%s", de->d_name + strlen(PREFIX));
	}
	closedir(d);
	if (n)
		qsort(*list, n, sizeof(**list), newer);
	return n;
}

int rootcache_remove(int dir, const char *digest, struct r3_err *err)
{
	char name[NAME_MAX];
	int ret;

	/* The image first: without it there is nothing to find. */
	file_name(name, digest, IMAGE);
	ret = unlinkat(dir, name, 0) < 0 ? -errno : 0;
	file_name(name, digest, SETTINGS);
	unlinkat(dir, name, 0);
	return ret ? err_set(err, ret, "%.12s cannot be removed: %s", digest, strerror(-ret)) : 0;
}

int rootcache_trim(int dir, uint64_t bytes)
{
	cleanup_free struct rootcache_entry *list = NULL;
	int n = rootcache_list(dir, &list), i, removed = 0;
	uint64_t sum = 0;

	for (i = 0; i < n; i++) {
		sum += list[i].bytes;
		if (sum <= bytes)
			continue;
		if (!rootcache_remove(dir, list[i].digest, NULL))
			removed++;
	}
	return removed;
}
