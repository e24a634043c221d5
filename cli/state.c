// SPDX-License-Identifier: GPL-2.0-or-later
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"
#include "config.h"
#include "state.h"

#define SUFFIX		".sock"
#define ANSWER_SECONDS	5

int state_dir(bool create, struct r3_err *err)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	char path[4096];
	struct stat st;
	int fd;

	if (base && base[0] == '/')
		snprintf(path, sizeof(path), "%s/ring3", base);
	else
		snprintf(path, sizeof(path), "/tmp/ring3-%u", getuid());
	if (create && mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "cannot make the directory %s for running guests: %s; set XDG_RUNTIME_DIR to a writable directory",
			       path, strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "cannot open the directory %s of running guests: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || st.st_uid != getuid() || st.st_mode & 077) {
		close(fd);
		return err_set(err, EPERM, "the directory %s is not yours alone; remove it, or set XDG_RUNTIME_DIR to a directory of your own",
			       path);
	}
	return fd;
}

/* Through the descriptor, as the path may be longer than a socket's may. */
static void address(struct sockaddr_un *addr, int dir, const char *file)
{
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/%.80s", dir, file);
}

static bool has_suffix(const char *file)
{
	size_t len = strlen(file), n = strlen(SUFFIX);

	return file[0] != '.' && len > n && len <= 63 + n && !strcmp(file + len - n, SUFFIX);
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

/* Published under its name only once it listens, so whoever refuses is dead. */
static int publish(int dir, const char *temp, const char *file)
{
	int tries, fd;

	for (tries = 0; tries < 8; tries++) {
		if (!linkat(dir, temp, dir, file, 0))
			return 0;
		if (errno != EEXIST)
			return -errno;
		fd = connect_file(dir, file);
		if (fd >= 0) {
			close(fd);
			return -EEXIST;
		}
		if (fd != -ECONNREFUSED && fd != -ENOENT)
			return -EEXIST;
		unlinkat(dir, file, 0);
	}
	return -EEXIST;
}

/* What guests left behind that had no time to clean up. */
static void sweep(int dir)
{
	struct dirent *de;
	int fd;
	DIR *d;

	d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!d)
		return;
	while ((de = readdir(d))) {
		int pid = de->d_name[0] == '.' ? atoi(de->d_name + 1) : 0;

		if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
			unlinkat(dir, de->d_name, 0);
		if (!has_suffix(de->d_name))
			continue;
		fd = connect_file(dir, de->d_name);
		if (fd == -ECONNREFUSED)
			unlinkat(dir, de->d_name, 0);
		if (fd >= 0)
			close(fd);
	}
	closedir(d);
}

int state_listen(int dir, const char *name, struct r3_err *err)
{
	char file[80], temp[96];
	struct sockaddr_un addr;
	int fd, ret;

	snprintf(file, sizeof(file), "%s" SUFFIX, name);
	snprintf(temp, sizeof(temp), ".%d", getpid());
	sweep(dir);
	unlinkat(dir, temp, 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, errno, "no control socket: %s", strerror(errno));
	address(&addr, dir, temp);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 16) < 0) {
		ret = err_set(err, errno, "no control socket for the guest: %s", strerror(errno));
		goto fail;
	}
	ret = publish(dir, temp, file);
	if (ret == -EEXIST)
		err_set(err, ret, "a guest called %s is running already; choose another --name or stop it with: ring3 stop %s",
			name, name);
	else if (ret)
		err_set(err, ret, "no control socket for the guest: %s", strerror(-ret));
	if (ret)
		goto fail;
	unlinkat(dir, temp, 0);
	return fd;
fail:
	unlinkat(dir, temp, 0);
	close(fd);
	return ret;
}

void state_remove(int dir, const char *name)
{
	char file[80];

	snprintf(file, sizeof(file), "%s" SUFFIX, name);
	unlinkat(dir, file, 0);
}

int state_connect(int dir, const char *name, struct r3_err *err)
{
	char file[80];
	int fd;

	if (!config_name_ok(name))
		return err_set(err, EINVAL, "%s is not the name of a guest", name);
	snprintf(file, sizeof(file), "%s" SUFFIX, name);
	fd = connect_file(dir, file);
	if (fd == -ECONNREFUSED)
		unlinkat(dir, file, 0);
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
	struct dirent *de;
	char **list = NULL;
	DIR *d;

	d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!d)
		return err_set(err, errno, "cannot list running guests: %s", strerror(errno));
	while ((de = readdir(d))) {
		if (!has_suffix(de->d_name))
			continue;
		if (n + 1 >= cap) {
			char **bigger = realloc(list, (cap + 64) * sizeof(*list));

			if (!bigger)
				break;
			list = bigger;
			cap += 64;
		}
		list[n] = strndup(de->d_name, strlen(de->d_name) - strlen(SUFFIX));
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
	const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	struct timeval wait = { .tv_sec = ANSWER_SECONDS }, ever = { 0 };
	struct json_object *o, *ok, *error;
	char *line;
	int ret;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	ret = write_full(fd, text, strlen(text));
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
