// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "config.h"
#include "loop.h"
#include "names.h"
#include "state.h"
#include "text.h"

#define ANSWER_SECONDS	5

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

/* ---- names ---- */

int state_reserve(int dir, const char *name, struct r3_err *err)
{
	int lock = names_reserve(dir, name);

	if (lock == -EBUSY)
		return err_set(err, EBUSY, "the directory of running guests stays locked: is a \"ring3\" of yours stopped? "
			       "Continue or end it, or " WAY_OUT);
	if (lock == -EEXIST)
		return err_set(err, lock, "a guest called %s is running already; choose another --name or stop it with: ring3 stop %s",
			       name, name);
	if (lock < 0)
		return err_set(err, lock, "the guest's name %s cannot be reserved: %s; " WAY_OUT, name, strerror(-lock));
	return lock;
}

void state_release(int dir, const char *name, int lock)
{
	names_release(dir, name, lock);
}

int state_listen(int dir, const char *name, struct r3_err *err)
{
	int fd = names_listen(dir, name, SOCK_STREAM);

	return fd < 0 ? err_set(err, fd, "no control socket for the guest: %s", strerror(-fd)) : fd;
}

int state_move(int dir, const char *from, const char *to, struct r3_err *err)
{
	int ret = names_move(dir, from, to);

	return ret ? err_set(err, ret, "the guest cannot be renamed: %s", strerror(-ret)) : 0;
}

/* ---- clients ---- */

int state_connect(int dir, const char *name, struct r3_err *err)
{
	int fd;

	if (!config_name_ok(name))
		return err_set(err, EINVAL, "%s is not the name of a guest", name);
	fd = names_connect(dir, name, SOCK_STREAM);
	if (fd == -ENOENT)
		return err_set(err, ENOENT, "no guest called %s is running; \"ring3 ps\" lists those that are", name);
	if (fd == -EAGAIN)
		return err_set(err, fd, "the guest %s does not answer; its \"ring3 run\" may have been stopped", name);
	if (fd < 0)
		return err_set(err, fd, "cannot reach the guest %s: %s", name, strerror(-fd));
	util_no_descriptors(fd);
	return fd;
}

int state_list(int dir, char ***names, struct r3_err *err)
{
	int n = names_list(dir, names);

	return n < 0 ? err_set(err, n, "cannot list running guests: %s", strerror(-n)) : n;
}

/* One that sends a byte now and then, or takes one, has no more time than one that does nothing. False: the time is up. */
static bool wait_for(int fd, short events, int64_t ms, int64_t until)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int64_t left = ms > 0 ? until - loop_now() : 3600000;

	if (left <= 0)
		return false;
	poll(&pfd, 1, left > 3600000 ? 3600000 : left);
	return true;
}

static int read_line(int fd, int64_t ms, char *line, size_t *len)
{
	int64_t until = loop_now() + ms;
	char *at, *end;

	while (*len < STATE_LINE_MAX - 1) {
		ssize_t n;

		at = line + *len;
		/* What follows the line is not ours to read. */
		n = recv(fd, at, STATE_LINE_MAX - 1 - *len, MSG_DONTWAIT | MSG_PEEK);
		if (n < 0 && errno == EAGAIN) {
			if (!wait_for(fd, POLLIN, ms, until))
				return -EAGAIN;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		end = n > 0 ? memchr(at, '\n', n) : NULL;
		if (n > 0)
			n = recv(fd, at, end ? end + 1 - at : n, MSG_DONTWAIT);
		if (n <= 0)
			return -ECONNRESET;
		*len += n;
		if (end && at + n > end) {
			*end = 0;
			*len = 0;
			return 0;
		}
		/* A flood is no answer either. */
		if (ms > 0 && loop_now() > until)
			return -EAGAIN;
	}
	return -E2BIG;
}

static int failed(int ret, struct r3_err *err)
{
	return err_set(err, ret == -E2BIG ? -EPROTO : ret, ret == -EAGAIN ? "the guest does not answer; its \"ring3 run\" may have been stopped" :
		       ret == -E2BIG ? "the guest's answer makes no sense: it is too long" : "the guest ended instead of answering");
}

int state_line(int fd, int64_t ms, char *line, size_t *len, struct r3_err *err)
{
	int ret = read_line(fd, ms, line, len);

	return ret ? failed(ret, err) : 0;
}

int state_answer(int fd, int64_t ms, struct json_object **reply, struct r3_err *err)
{
	cleanup_free char *line = malloc(STATE_LINE_MAX);
	struct json_object *o, *ok, *error;
	size_t len = 0;
	int ret = line ? state_line(fd, ms, line, &len, err) : err_set(err, ENOMEM, "no memory for an answer");

	if (ret)
		return ret;
	o = text_parse(line);
	if (!o || !json_object_object_get_ex(o, "ok", &ok)) {
		json_object_put(o);
		return err_set(err, EPROTO, "the guest's answer makes no sense");
	}
	if (!json_object_get_boolean(ok)) {
		ret = err_set(err, EPROTO, "%s", json_object_object_get_ex(o, "error", &error) && json_object_is_type(error, json_type_string) &&
			      json_object_get_string_len(error) ? json_object_get_string(error) : "the guest refused");
		json_object_put(o);
		return ret;
	}
	*reply = o;
	return 0;
}

/* 0 or -EAGAIN, -ECONNRESET. */
static int send_all(int fd, const char *text, size_t len, int64_t ms)
{
	int64_t until = loop_now() + ms;
	size_t at = 0;
	ssize_t n;

	while (at < len) {
		/* A guest that has just ended must not end us, nor one that does not read stop us. */
		n = send(fd, text + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			if (!wait_for(fd, POLLOUT, ms, until))
				return -EAGAIN;
			continue;
		}
		if (n < 0 && errno != EINTR)
			return -ECONNRESET;
		at += n > 0 ? n : 0;
	}
	return 0;
}

int state_request_within(int fd, struct json_object *request, int64_t ms, struct json_object **reply, struct r3_err *err)
{
	cleanup_free char *text = text_json(request);
	int64_t until = loop_now() + ms;
	size_t len = text ? strlen(text) : 0;
	int ret;

	if (!text)
		return err_set(err, ENOMEM, "no memory for a request");
	if (len > STATE_REQUEST_MAX)
		return err_set(err, EINVAL, "a request of %zu bytes is longer than the %d that a guest takes", len, STATE_REQUEST_MAX);
	/* Its end was the line's, until here. */
	text[len++] = '\n';
	ret = send_all(fd, text, len, ms);
	if (ret)
		return failed(ret, err);
	/* What it took is not there for the answer. */
	if (ms > 0)
		ms = until > loop_now() ? until - loop_now() : 1;
	return state_answer(fd, ms, reply, err);
}

int state_request(int fd, struct json_object *request, struct json_object **reply, struct r3_err *err)
{
	return state_request_within(fd, request, ANSWER_SECONDS * 1000, reply, err);
}

int state_open(const char *name, struct r3_err *err)
{
	cleanup_close int dir = state_dir(false, err);

	if (dir == -ENOENT)
		return err_set(err, ENOENT, "no guest called %s is running; \"ring3 ps\" lists those that are", name);
	return dir < 0 ? dir : state_connect(dir, name, err);
}

int state_ask(const char *name, struct json_object *request, struct json_object **reply,
	      struct r3_err *err)
{
	int fd = state_open(name, err), ret;

	if (fd < 0)
		return fd;
	ret = state_request(fd, request, reply, err);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

int state_tell(const char *name, struct json_object *request, struct r3_err *err)
{
	struct json_object *reply;
	int fd = state_ask(name, request, &reply, err);

	json_object_put(request);
	if (fd < 0)
		return fd;
	json_object_put(reply);
	close(fd);
	return 0;
}
