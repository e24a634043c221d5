// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "namelist.h"
#include "names.h"

#define SOCKET		".sock"
#define LOCK		".lock"
#define NEW_SOCKET	".new"		/* not listening yet */
#define FILE_MAX	80
#define NAME_MAX_LEN	63
/* A change of the directory takes microseconds, unless who makes it was stopped. */
#define CHANGE_MS	5000
/* Connections that are not accepted yet: a busy host may start many clients first. */
#define WAITING		256

/* ---- files ---- */

/* Through the descriptor, as the path may be longer than a socket's may. */
static void address(struct sockaddr_un *addr, int dir, const char *file)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/%.80s", dir, file);
}

static void file_of(char *file, const char *name, const char *suffix)
{
	snprintf(file, FILE_MAX, "%.*s%s", NAME_MAX_LEN, name, suffix);
}

/* Whose file it is; false if it is not one with this suffix. */
static bool name_of(char *name, const char *file, const char *suffix)
{
	size_t len = strlen(file), n = strlen(suffix);

	if (file[0] == '.' || len <= n || len > NAME_MAX_LEN + n || strcmp(file + len - n, suffix))
		return false;
	snprintf(name, FILE_MAX, "%.*s", (int)(len - n), file);
	return true;
}

static DIR *open_list(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

static void remove_files(int dir, const char *name)
{
	char file[FILE_MAX];

	/* In this order: a socket without a lock is one that nobody holds. */
	file_of(file, name, SOCKET);
	unlinkat(dir, file, 0);
	file_of(file, name, NEW_SOCKET);
	unlinkat(dir, file, 0);
	file_of(file, name, LOCK);
	unlinkat(dir, file, 0);
}

static int connect_file(int dir, const char *file, int type)
{
	/* One that does not accept, as it was stopped, must not stop us too. */
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;

	if (fd < 0)
		return -errno;
	address(&addr, dir, file);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	fcntl(fd, F_SETFL, 0);
	return fd;
}

/* ---- names ----
 *
 * A name belongs to whoever holds the lock on its file NAME.lock, which the
 * kernel gives back when that process is gone, however it went. Names are taken,
 * and files of dead guests removed, only by a process that has the directory
 * locked; so a lock that cannot be had is a guest's, never that of another
 * process that looks whether there is one.
 */

static bool lock_dir(int dir, int wait_ms)
{
	const struct timespec wait = { .tv_nsec = 1000000 };
	int tries;

	for (tries = 0; flock(dir, LOCK_EX | LOCK_NB) < 0; tries++) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || tries >= wait_ms)
			return false;
		nanosleep(&wait, NULL);
	}
	return true;
}

static void unlock_dir(int dir)
{
	flock(dir, LOCK_UN);
}

/* The name's lock, with the directory locked: descriptor, -EEXIST it is taken, -ENOENT no file. */
static int lock_name(int dir, const char *name, bool create)
{
	struct stat st, now;
	char file[FILE_MAX];
	int fd, ret;

	file_of(file, name, LOCK);
	for (;;) {
		fd = openat(dir, file, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			ret = errno == EWOULDBLOCK ? -EEXIST : -errno;
			close(fd);
			return ret;
		}
		/* Its guest removes it when it ends: then this is a file without a name. */
		if (!fstat(fd, &st) && !fstatat(dir, file, &now, AT_SYMLINK_NOFOLLOW) &&
		    st.st_dev == now.st_dev && st.st_ino == now.st_ino)
			return fd;
		close(fd);
	}
}

/* Removes what a guest left that had no time to clean up; the directory is locked. */
static void remove_dead(int dir, const char *name)
{
	int lock = lock_name(dir, name, false);

	if (lock >= 0 || lock == -ENOENT)
		remove_files(dir, name);
	if (lock >= 0)
		close(lock);
}

static void sweep(int dir)
{
	char name[FILE_MAX];
	struct dirent *de;
	DIR *d = open_list(dir);

	while (d && (de = readdir(d)))
		if (name_of(name, de->d_name, SOCKET) || name_of(name, de->d_name, LOCK))
			remove_dead(dir, name);
	if (d)
		closedir(d);
}

int names_reserve(int dir, const char *name)
{
	int lock;

	if (!lock_dir(dir, CHANGE_MS))
		return -EBUSY;
	sweep(dir);
	lock = lock_name(dir, name, true);
	unlock_dir(dir);
	return lock;
}

void names_release(int dir, const char *name, int lock)
{
	if (lock < 0)
		return;
	remove_files(dir, name);
	close(lock);
}

void names_forget(int dir, const char *name)
{
	if (!lock_dir(dir, CHANGE_MS))
		return;
	remove_dead(dir, name);
	unlock_dir(dir);
}

int names_listen(int dir, const char *name, int type)
{
	char file[FILE_MAX], temp[FILE_MAX];
	struct sockaddr_un addr;
	int fd, ret;

	/* Under its name only once it listens. The name is ours, so whose file this replaces is dead. */
	file_of(file, name, SOCKET);
	file_of(temp, name, NEW_SOCKET);
	unlinkat(dir, temp, 0);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	address(&addr, dir, temp);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, WAITING) < 0 ||
	    renameat(dir, temp, dir, file) < 0) {
		ret = -errno;
		unlinkat(dir, temp, 0);
		close(fd);
		return ret;
	}
	return fd;
}

int names_move(int dir, const char *from, const char *to)
{
	char old[FILE_MAX], file[FILE_MAX];

	file_of(old, from, SOCKET);
	file_of(file, to, SOCKET);
	return renameat(dir, old, dir, file) < 0 ? -errno : 0;
}

int names_connect(int dir, const char *name, int type)
{
	char file[FILE_MAX];
	int fd;

	file_of(file, name, SOCKET);
	fd = connect_file(dir, file, type);
	if (fd == -ECONNREFUSED && lock_dir(dir, 0)) {
		remove_dead(dir, name);
		unlock_dir(dir);
	}
	return fd == -ECONNREFUSED ? -ENOENT : fd;
}

int names_list(int dir, char ***names)
{
	struct namelist list = { 0 };
	char name[FILE_MAX];
	struct dirent *de;
	DIR *d = open_list(dir);

	if (!d)
		return -errno;
	while ((de = readdir(d)))
		if (name_of(name, de->d_name, SOCKET) && !namelist_add(&list, name))
			break;
	closedir(d);
	return namelist_take(&list, names);
}
