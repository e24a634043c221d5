// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend.h"
#include "base/util.h"
#include "dev/vsock.h"
#include "message.h"
#include "sendfds.h"
#include "values.h"
#include "vsock.h"

#define PROGRAM		"ring3-vsock"
#define IN_DIRECTORY	"vsock.sock"
#define BACKLOG		128
#define READY_MS	10000
#define END_MS		300
#define CID_DEFAULT	3
#define CID_MAX		(UINT32_MAX - 1)
/* With "/proc/self/fd/N/" before it and "_4294967295" behind it fits into a socket's address. */
#define NAME_SIZE	65
#define DIALS		32	/* at once */

struct vsock {
	char path[PATH_MAX];
	const char *text;
	uint32_t cid;
	int dir;			/* where the socket is */
	char name[NAME_SIZE];
	int listener;
	dev_t dev;			/* of the socket's file; ino 0: there is none of ours */
	ino_t ino;
	int control;			/* -1: the back end has gone */
	struct backend backend;
	struct loop *loop;
	struct watch watch;
};

/* ---- what was asked for ---- */

static int parse(const char *text, char *path, size_t size, uint32_t *cid, struct r3_err *err)
{
	const char *comma = strchr(text, ',');
	size_t len = comma ? (size_t)(comma - text) : strlen(text);
	char *end;
	unsigned long long n;

	*cid = CID_DEFAULT;
	if (!len)
		return err_set(err, EINVAL, "--vsock needs the path of a socket to be made, or of a folder for it");
	if (len >= size)
		return err_set(err, ENAMETOOLONG, "--vsock: the path is too long");
	snprintf(path, size, "%.*s", (int)len, text);
	if (!comma)
		return 0;
	if (strncmp(comma, ",cid=", 5) || comma[5] < '0' || comma[5] > '9')
		return err_set(err, EINVAL, "--vsock %s: behind the path there may be ,cid=N; a path with a comma is given by a link to it", text);
	n = strtoull(comma + 5, &end, 10);
	if (*end || n < CID_DEFAULT || n > CID_MAX)
		return err_set(err, EINVAL, "--vsock %s: a guest's cid is a number from %u to %u", text, CID_DEFAULT, CID_MAX);
	*cid = n;
	return 0;
}

int vsock_check(const char *text, struct r3_err *err)
{
	char path[PATH_MAX];
	uint32_t cid;

	return parse(text, path, sizeof(path), &cid, err);
}

/* ---- the socket ---- */

/* By the directory's descriptor: a path may be longer than a socket's address, and directories move. */
static void address(const struct vsock *v, const char *name, struct sockaddr_un *sa, socklen_t *len)
{
	sa->sun_family = AF_UNIX;
	snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/%s", v->dir, name);
	*len = sizeof(*sa);
}

static int open_place(struct vsock *v, struct r3_err *err)
{
	char dir[PATH_MAX], *slash;
	const char *name;
	struct stat st;
	size_t n = strlen(v->path);

	if (!stat(v->path, &st) && S_ISDIR(st.st_mode)) {
		if (n + sizeof(IN_DIRECTORY) + 1 > sizeof(v->path))
			return err_set(err, ENAMETOOLONG, "--vsock %s: the path is too long", v->text);
		snprintf(v->path + n, sizeof(v->path) - n, "%s%s", v->path[n - 1] == '/' ? "" : "/", IN_DIRECTORY);
	}
	snprintf(dir, sizeof(dir), "%s", v->path);
	slash = strrchr(dir, '/');
	name = slash ? slash + 1 : dir;
	if (!*name || strlen(name) >= sizeof(v->name))
		return err_set(err, EINVAL, "--vsock %s: the socket's name is %s; give it another", v->text, *name ? "too long" : "missing");
	memcpy(v->name, name, strlen(name) + 1);
	if (slash)
		slash[slash == dir] = 0;
	v->dir = open(slash ? dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (v->dir < 0)
		return err_set(err, errno, errno == ENOENT ? "--vsock %s: there is no folder %s; make it first" : "--vsock %s: the folder %s cannot be opened",
			       v->text, slash ? dir : ".");
	return 0;
}

/* A name that somebody left behind who is gone. Return: 0 if the name is free now, or -errno with err set. */
static int take_over(struct vsock *v, const struct sockaddr_un *sa, socklen_t len, struct r3_err *err)
{
	cleanup_close int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (fstatat(v->dir, v->name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISSOCK(st.st_mode))
		return err_set(err, EEXIST, "--vsock %s: %s exists and is no socket; name another path", v->text, v->path);
	if (probe < 0 || !connect(probe, (const struct sockaddr *)sa, len) || errno != ECONNREFUSED)
		return err_set(err, EADDRINUSE, "--vsock %s: somebody listens on %s, another guest perhaps; name another path", v->text, v->path);
	return unlinkat(v->dir, v->name, 0) ? err_set(err, errno, "--vsock %s: the old socket %s cannot be removed: %s", v->text, v->path, strerror(errno)) : 0;
}

static int make_socket(struct vsock *v, struct r3_err *err)
{
	struct sockaddr_un sa;
	socklen_t len;
	struct stat st;
	mode_t mask;
	int ret;

	v->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (v->listener < 0)
		return err_set(err, errno, "no socket for --vsock: %s", strerror(errno));
	address(v, v->name, &sa, &len);
	mask = umask(0077);
	ret = bind(v->listener, (struct sockaddr *)&sa, len);
	if (ret && errno == EADDRINUSE) {
		ret = take_over(v, &sa, len, err);
		if (ret) {
			umask(mask);
			return ret;
		}
		ret = bind(v->listener, (struct sockaddr *)&sa, len);
	}
	umask(mask);
	if (ret || listen(v->listener, BACKLOG))
		return err_set(err, errno, "--vsock %s: the socket %s cannot be made: %s", v->text, v->path, strerror(errno));
	if (!fstatat(v->dir, v->name, &st, AT_SYMLINK_NOFOLLOW)) {
		v->dev = st.st_dev;
		v->ino = st.st_ino;
	}
	return 0;
}

/* If it is still ours. */
static void remove_socket(struct vsock *v)
{
	struct stat st;

	if (v->ino && !fstatat(v->dir, v->name, &st, AT_SYMLINK_NOFOLLOW) && st.st_dev == v->dev && st.st_ino == v->ino)
		unlinkat(v->dir, v->name, 0);
	v->ino = 0;
}

/* ---- the back end ---- */

static int start(struct vsock *v, struct vm_config *vm, struct r3_err *err)
{
	char path[PATH_MAX], cid[12];
	char *argv[] = { PROGRAM, "--cid", cid, "--jail", (char *)jail_mode_name(vm->jail), NULL };
	int packets[2], control[2], fds[3], ret;

	ret = backend_find(PROGRAM, "it belongs to ring3; build it, or install ring3 anew", path, sizeof(path), err);
	if (ret)
		return ret;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, packets))
		return err_set(err, errno, "no socket for %s: %s", PROGRAM, strerror(errno));
	vm->vsock = (struct vm_vsock){ .fd = packets[0], .cid = v->cid };
	vm->nr_vsocks = 1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, control)) {
		close(packets[1]);
		return err_set(err, errno, "no socket for %s: %s", PROGRAM, strerror(errno));
	}
	v->control = control[0];
	snprintf(cid, sizeof(cid), "%u", v->cid);
	fds[0] = packets[1];
	fds[1] = control[1];
	fds[2] = v->listener;
	ret = backend_start(&v->backend, PROGRAM, path, argv, fds, 3, err);
	close(packets[1]);
	close(control[1]);
	return ret;
}

/* Its first word: the jail is closed, connections are taken. */
static int wait_ready(struct vsock *v, struct r3_err *err)
{
	struct pollfd pfd = { .fd = v->control, .events = POLLIN };
	int64_t until = loop_now() + READY_MS, left;
	struct vsock_dial ready;
	char how[64];

	while ((left = until - loop_now()) > 0 && poll(&pfd, 1, left) < 0 && errno == EINTR)
		;
	if (recv(v->control, &ready, sizeof(ready), MSG_DONTWAIT) == sizeof(ready) && !ready.id)
		return 0;
	backend_end(&v->backend, left > 0 ? END_MS : 0);
	snprintf(how, sizeof(how), "%s did not say that it is ready", PROGRAM);
	return err_set(err, EIO, "--vsock %s: %s", v->text, v->backend.last[0] ? v->backend.last : how);
}

struct vsock *vsock_open(const char *text, struct vm_config *vm, struct r3_err *err)
{
	struct vsock *v = calloc(1, sizeof(*v));

	if (!v) {
		err_set(err, ENOMEM, "no memory for --vsock");
		return NULL;
	}
	v->text = text;
	v->dir = v->listener = v->control = -1;
	v->backend.log_fd = -1;
	if (parse(text, v->path, sizeof(v->path), &v->cid, err) || open_place(v, err) || make_socket(v, err) || start(v, vm, err) || wait_ready(v, err)) {
		vsock_close(v);
		return NULL;
	}
	/* It is the back end's. The name is ours. */
	close(v->listener);
	v->listener = -1;
	v->backend.quiet = false;
	return v;
}

/* ---- connections to programs ---- */

/* Return: a connected socket, or -errno. */
static int dial(const struct vsock *v, uint32_t port)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char name[NAME_SIZE + 16];
	struct sockaddr_un sa;
	socklen_t len;

	if (fd < 0)
		return -errno;
	snprintf(name, sizeof(name), "%s_%u", v->name, port);
	address(v, name, &sa, &len);
	/* It does not wait: of who has too many that wait already it is refused. */
	return connect(fd, (struct sockaddr *)&sa, len) ? -errno : util_take_fd(&fd);
}

static void answer(const struct vsock *v, uint32_t id, int fd)
{
	struct vsock_dialled a = { .id = id, .status = fd < 0 ? fd : 0 };

	/* One that does not take its answers has the guest's connection time out. */
	if (send_fds(v->control, &a, sizeof(a), &fd, fd >= 0, MSG_DONTWAIT) == -EMSGSIZE)
		message("%s takes no answer", PROGRAM);
}

static void close_control(struct vsock *v)
{
	if (v->control < 0)
		return;
	if (v->loop)
		loop_unwatch(v->loop, &v->watch);
	close(v->control);
	v->control = -1;
}

static void control_ready(void *ctx, short revents)
{
	struct vsock *v = ctx;
	unsigned int i;

	for (i = 0; i < DIALS; i++) {
		struct vsock_dial ask;
		ssize_t n = recv(v->control, &ask, sizeof(ask), MSG_DONTWAIT);
		int fd;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n != sizeof(ask)) {
			close_control(v);
			return;
		}
		fd = dial(v, ask.port);
		answer(v, ask.id, fd);
		util_close(&fd);
	}
}

/* ---- its life ---- */

void vsock_watch(struct vsock *v, struct loop *loop)
{
	if (!v)
		return;
	v->loop = loop;
	if (v->control >= 0)
		loop_watch(loop, &v->watch, v->control, POLLIN, control_ready, v);
	backend_watch(&v->backend, loop);
}

void vsock_reap(struct vsock *v)
{
	char how[128];

	if (!v || !backend_reap(&v->backend, how, sizeof(how)))
		return;
	close_control(v);
	remove_socket(v);
	message("%s %s: the guest's vsock connects to nothing any more", PROGRAM, how);
}

struct json_object *vsock_info(const struct vsock *v)
{
	struct json_object *o;

	if (!v)
		return NULL;
	o = json_object_new_object();
	json_object_object_add(o, "path", json_object_new_string(v->path));
	json_object_object_add(o, "cid", json_object_new_int64(v->cid));
	return o;
}

void vsock_close(struct vsock *v)
{
	if (!v)
		return;
	remove_socket(v);
	close_control(v);
	backend_end(&v->backend, END_MS);
	util_close(&v->listener);
	util_close(&v->dir);
	free(v);
}
