// SPDX-License-Identifier: GPL-2.0-or-later
#include "kept.h"
#include "namelist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "config.h"
#include "guestlog.h"

#define LOCK		"lock"
#define NEW		".new"
#define JSON_MAX	(16 << 20)	/* a definition: all words that a command line may have */
#define WAY_OUT		"set XDG_DATA_HOME to the absolute path of a directory of your own"

/* ---- the folder of all ---- */

static int all_path(char *path, size_t size, struct r3_err *err)
{
	const char *base = getenv("XDG_DATA_HOME"), *sub = "";

	if (!base || base[0] != '/') {
		base = getenv("HOME");
		sub = "/.local/share";
	}
	if (!base || base[0] != '/')
		return err_set(err, EINVAL, "there is no place for what is kept of machines: " WAY_OUT);
	if ((size_t)snprintf(path, size, "%s%s/ring3/machines", base, sub) >= size)
		return err_set(err, ENAMETOOLONG, "the path of the directory of machines is too long: set XDG_DATA_HOME to a shorter one");
	return 0;
}

int kept_all(bool create, struct r3_err *err)
{
	char path[4096], *p;
	struct stat st;
	int fd, ret = all_path(path, sizeof(path), err);

	if (ret)
		return ret;
	for (p = path + 1; create && (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		mkdir(path, 0755);
	}
	if (create && mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "cannot make the directory %s of machines: %s; " WAY_OUT, path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "cannot open the directory %s of machines: %s; " WAY_OUT, path, strerror(errno));
	if (fstat(fd, &st) < 0 || st.st_uid != getuid() || st.st_mode & 022) {
		close(fd);
		return err_set(err, EPERM, "the directory %s of machines is not yours alone: others may write to it; " WAY_OUT, path);
	}
	return fd;
}

int kept_list(char ***names, struct r3_err *err)
{
	struct namelist list = { 0 };
	struct dirent *de;
	DIR *d;
	int fd = kept_all(false, err);

	*names = NULL;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return err_set(err, ENOMEM, "no memory for a list of machines");
	}
	while ((de = readdir(d)))
		if (config_name_ok(de->d_name) && !namelist_add(&list, de->d_name))
			break;
	closedir(d);
	return namelist_take(&list, names);
}

/* ---- a machine's folder ---- */

/*
 * Of an open file, not of a process, so that it lives as long as the last descriptor;
 * and one that can be asked for without being taken.
 */
static int set_lock(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	return errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
}

bool kept_is_taken(int dir)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	cleanup_close int fd = openat(dir, LOCK, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

/* Who removes a folder has its lock: then the lock's file is one without a name. */
static bool is_linked(int all, const char *name, int lock)
{
	char file[80];
	struct stat st, now;

	snprintf(file, sizeof(file), "%.63s/" LOCK, name);
	return !fstat(lock, &st) && !fstatat(all, file, &now, AT_SYMLINK_NOFOLLOW) && st.st_ino == now.st_ino && st.st_dev == now.st_dev;
}

static int take(struct kept *k, int all)
{
	int ret;

	k->made = !mkdirat(all, k->name, 0700);
	if (!k->made && errno != EEXIST)
		return -errno;
	k->dir = openat(all, k->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (k->dir < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	k->lock = openat(k->dir, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (k->lock < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	ret = set_lock(k->lock);
	return ret ? ret : is_linked(all, k->name, k->lock) ? 0 : -EAGAIN;
}

static void close_kept(struct kept *k)
{
	if (k->lock >= 0)
		close(k->lock);
	if (k->dir >= 0)
		close(k->dir);
	k->lock = -1;
	k->dir = -1;
}

int kept_take(struct kept *k, const char *name, struct r3_err *err)
{
	cleanup_close int all = -1;
	int ret, tries = 0;

	*k = (struct kept){ .dir = -1, .lock = -1 };
	snprintf(k->name, sizeof(k->name), "%s", name);
	if (!config_name_ok(name))
		return err_set(err, EINVAL, "%s is not the name of a guest", name);
	all = kept_all(true, err);
	if (all < 0)
		return all;
	do {
		ret = take(k, all);
		if (ret)
			close_kept(k);
	} while (ret == -EAGAIN && tries++ < 100);
	if (ret == -EBUSY)
		return err_set(err, ret, "a guest called %s is running already; choose another --name or stop it with: ring3 stop %s",
			       name, name);
	if (ret)
		return err_set(err, ret, "the folder of the machine %s cannot be had: %s; " WAY_OUT, name, strerror(-ret));
	return 0;
}

void kept_release(struct kept *k, bool remove)
{
	static const char *const files[] = { GUESTLOG_FILE, GUESTLOG_OLD, KEPT_END, KEPT_END NEW, KEPT_DEFINITION, KEPT_DEFINITION NEW, LOCK };
	cleanup_close int all = -1;
	struct r3_err err;
	size_t i;

	if (k->dir < 0)
		return;
	for (i = 0; remove && i < ARRAY_SIZE(files); i++)
		unlinkat(k->dir, files[i], 0);
	all = remove ? kept_all(false, &err) : -1;
	if (all >= 0)
		unlinkat(all, k->name, AT_REMOVEDIR);
	close_kept(k);
}

int kept_rename(struct kept *k, const char *name, struct r3_err *err)
{
	cleanup_close int all = -1;

	if (!config_name_ok(name))
		return err_set(err, EINVAL, "%s is not a name for a guest", name);
	all = kept_all(false, err);
	if (all < 0)
		return all;
	if (renameat2(all, k->name, all, name, RENAME_NOREPLACE) < 0)
		return errno == EEXIST ? err_set(err, EEXIST, "there is a machine called %s already", name) :
		       err_set(err, errno, "the machine %s cannot be renamed: %s", k->name, strerror(errno));
	snprintf(k->name, sizeof(k->name), "%s", name);
	return 0;
}

int kept_find(const char *name, struct r3_err *err)
{
	cleanup_close int all = -1;
	int fd = -ENOENT;

	if (!config_name_ok(name))
		return err_set(err, EINVAL, "%s is not the name of a guest", name);
	all = kept_all(false, err);
	if (all < 0 && all != -ENOENT)
		return all;
	if (all >= 0) {
		fd = openat(all, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			fd = -errno;
	}
	if (fd == -ENOENT)
		return err_set(err, ENOENT, "nothing is kept of a machine called %s; \"ring3 ps -a\" lists those that are", name);
	return fd < 0 ? err_set(err, fd, "the folder of the machine %s cannot be opened: %s", name, strerror(-fd)) : fd;
}

int kept_take_old(struct kept *k, const char *name, struct r3_err *err)
{
	int dir = kept_find(name, err);

	if (dir < 0)
		return dir;
	close(dir);
	return kept_take(k, name, err);
}

/* ---- what is in it ---- */

int kept_put(int dir, const char *file, struct json_object *o, struct r3_err *err)
{
	const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY);
	char temp[64];
	int fd, ret;

	snprintf(temp, sizeof(temp), "%s" NEW, file);
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ret = fd < 0 ? -errno : text ? write_full(fd, text, strlen(text)) : -ENOMEM;
	if (!ret)
		ret = write_full(fd, "\n", 1);
	if (fd >= 0)
		close(fd);
	if (!ret && renameat(dir, temp, dir, file) < 0)
		ret = -errno;
	if (ret) {
		unlinkat(dir, temp, 0);
		return err_set(err, ret, "what is kept of the machine cannot be written: %s", strerror(-ret));
	}
	return 0;
}

struct json_object *kept_get(int dir, const char *file)
{
	cleanup_close int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	cleanup_free char *text = NULL;
	struct json_object *o;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > JSON_MAX)
		return NULL;
	text = malloc(st.st_size + 1);
	n = text ? read_full(fd, text, st.st_size) : -1;
	if (n < 0)
		return NULL;
	text[n] = 0;
	o = json_tokener_parse(text);
	if (o && !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return NULL;
	}
	return o;
}
