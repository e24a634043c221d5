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
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "config.h"
#include "state.h"
#include "text.h"

#define SOCKET		".sock"
#define LOCK		".lock"
#define NEW_SOCKET	".new"		/* not listening yet */
#define FILE_MAX	80
#define NAME_MAX_LEN	63
#define ANSWER_SECONDS	5
/* A change of the directory takes microseconds, unless who makes it was stopped. */
#define CHANGE_MS	5000

/* What to do about a directory that cannot be used. */
#define WAY_OUT		"set XDG_RUNTIME_DIR to a directory of your own"

static int check_dir(int fd, const char *path, struct r3_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "cannot examine the directory %s of running guests: %s; " WAY_OUT,
			       path, strerror(errno));
	if (st.st_uid != getuid())
		return err_set(err, EPERM, "the directory %s of running guests is not yours alone: it belongs to user %u; "
			       WAY_OUT ", or have it removed", path, st.st_uid);
	if (st.st_mode & 077)
		return err_set(err, EPERM, "the directory %s of running guests is not yours alone: others may use it; remove it, or "
			       WAY_OUT, path);
	return 0;
}

int state_dir(bool create, struct r3_err *err)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	char path[4096];
	int fd, ret;

	if (base && base[0] == '/')
		snprintf(path, sizeof(path), "%s/ring3", base);
	else
		snprintf(path, sizeof(path), "/tmp/ring3-%u", getuid());
	if (create && mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "cannot make the directory %s of running guests: %s; " WAY_OUT,
			       path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "cannot open the directory %s of running guests: %s; " WAY_OUT,
			       path, strerror(errno));
	ret = check_dir(fd, path, err);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

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

static int connect_file(int dir, const char *file)
{
	/* One that does not accept, as it was stopped, must not stop us too. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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

int state_reserve(int dir, const char *name, struct r3_err *err)
{
	int lock;

	if (!lock_dir(dir, CHANGE_MS))
		return err_set(err, EBUSY, "the directory of running guests stays locked: is a \"ring3\" of yours stopped? "
			       "Continue or end it, or " WAY_OUT);
	sweep(dir);
	lock = lock_name(dir, name, true);
	unlock_dir(dir);
	if (lock == -EEXIST)
		return err_set(err, lock, "a guest called %s is running already; choose another --name or stop it with: ring3 stop %s",
			       name, name);
	if (lock < 0)
		return err_set(err, lock, "the guest's name %s cannot be reserved: %s; " WAY_OUT, name, strerror(-lock));
	return lock;
}

void state_release(int dir, const char *name, int lock)
{
	if (lock < 0)
		return;
	remove_files(dir, name);
	close(lock);
}

int state_listen(int dir, const char *name, struct r3_err *err)
{
	char file[FILE_MAX], temp[FILE_MAX];
	struct sockaddr_un addr;
	int fd, ret;

	/* Under its name only once it listens. The name is ours, so whose file this replaces is dead. */
	file_of(file, name, SOCKET);
	file_of(temp, name, NEW_SOCKET);
	unlinkat(dir, temp, 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, errno, "no control socket: %s", strerror(errno));
	address(&addr, dir, temp);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 16) < 0 ||
	    renameat(dir, temp, dir, file) < 0) {
		ret = err_set(err, errno, "no control socket for the guest: %s", strerror(errno));
		unlinkat(dir, temp, 0);
		close(fd);
		return ret;
	}
	return fd;
}

/* ---- clients ---- */

int state_connect(int dir, const char *name, struct r3_err *err)
{
	char file[FILE_MAX];
	int fd;

	if (!config_name_ok(name))
		return err_set(err, EINVAL, "%s is not the name of a guest", name);
	file_of(file, name, SOCKET);
	fd = connect_file(dir, file);
	if (fd == -ECONNREFUSED && lock_dir(dir, 0)) {
		remove_dead(dir, name);
		unlock_dir(dir);
	}
	if (fd == -ECONNREFUSED || fd == -ENOENT)
		return err_set(err, ENOENT, "no guest called %s is running; \"ring3 ps\" lists those that are", name);
	if (fd == -EAGAIN)
		return err_set(err, fd, "the guest %s does not answer; its \"ring3 run\" may have been stopped", name);
	if (fd < 0)
		return err_set(err, fd, "cannot reach the guest %s: %s", name, strerror(-fd));
	return fd;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int state_list(int dir, char ***names, struct r3_err *err)
{
	size_t n = 0, cap = 0;
	char name[FILE_MAX];
	struct dirent *de;
	char **list = NULL;
	DIR *d = open_list(dir);

	if (!d)
		return err_set(err, errno, "cannot list running guests: %s", strerror(errno));
	while ((de = readdir(d))) {
		if (!name_of(name, de->d_name, SOCKET))
			continue;
		if (n + 1 >= cap) {
			char **bigger = realloc(list, (cap + 64) * sizeof(*list));

			if (!bigger)
				break;
			list = bigger;
			cap += 64;
		}
		list[n] = strdup(name);
		if (list[n])
			n++;
	}
	closedir(d);
	if (list)
		qsort(list, n, sizeof(*list), by_name);
	*names = list;
	return n;
}

static int read_line(int fd, char *line, size_t size)
{
	size_t len = 0;

	/* One byte at a time: what follows is not ours to read. */
	while (len < size - 1) {
		ssize_t n = read(fd, line + len, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN ? -EAGAIN : -ECONNRESET;
		if (line[len] == '\n') {
			line[len] = 0;
			return 0;
		}
		len++;
	}
	return -E2BIG;
}

int state_request(int fd, struct json_object *request, struct json_object **reply, struct r3_err *err)
{
	cleanup_free char *text = text_json(request);
	struct timeval wait = { .tv_sec = ANSWER_SECONDS }, ever = { 0 };
	struct json_object *o, *ok, *error;
	char *line;
	int ret;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	ret = text ? write_full(fd, text, strlen(text)) : -ENOMEM;
	if (!ret)
		ret = write_full(fd, "\n", 1);
	line = malloc(STATE_LINE_MAX);
	if (!line)
		ret = -ENOMEM;
	if (!ret)
		ret = read_line(fd, line, STATE_LINE_MAX);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &ever, sizeof(ever));
	if (ret) {
		free(line);
		return err_set(err, ret, ret == -EAGAIN ?
			       "the guest does not answer; its \"ring3 run\" may have been stopped" :
			       "the guest ended instead of answering");
	}
	o = json_tokener_parse(line);
	free(line);
	if (!o || !json_object_object_get_ex(o, "ok", &ok)) {
		json_object_put(o);
		return err_set(err, EPROTO, "the guest's answer makes no sense");
	}
	if (!json_object_get_boolean(ok)) {
		ret = err_set(err, EPROTO, "%s", json_object_object_get_ex(o, "error", &error) ?
			      json_object_get_string(error) : "the guest refused");
		json_object_put(o);
		return ret;
	}
	*reply = o;
	return 0;
}

int state_ask(const char *name, struct json_object *request, struct json_object **reply,
	      struct r3_err *err)
{
	cleanup_close int dir = state_dir(false, err);
	int fd, ret;

	if (dir == -ENOENT)
		return err_set(err, ENOENT, "no guest called %s is running; \"ring3 ps\" lists those that are", name);
	if (dir < 0)
		return dir;
	fd = state_connect(dir, name, err);
	if (fd < 0)
		return fd;
	ret = state_request(fd, request, reply, err);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}
