// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"
#include "message.h"
#include "vhosts.h"

/* One that has lost its connection may be about to end by itself. */
#define LOST_MS		1000
/* The end of one that there is no time to wait for. */
#define FORCED_MS	300

struct vhost {
	struct vhosts *all;
	struct vhost_spec spec;
	int disk;			/* place in vm, or -1 */
	int dev;			/* the same, of a device that is no disk of vm's */
	char name[300];			/* of the device, for messages */
	int fd;				/* the monitor's end, which we keep to see it end; -1 */
	struct backend backend;
	struct watch watch;
	struct timer lost;
	bool ending;			/* it was told to */
};

struct vhosts {
	struct vm_config *vm;
	struct loop *loop;		/* NULL: not watched yet */
	bool told;			/* vhosts_failed() says what is wrong, instead of a message */
	char failed[700];
	int nr;
	struct vhost vhost[VM_MAX_DISKS + VM_MAX_VHOSTS];
};

struct vhosts *vhosts_new(struct vm_config *vm, struct r3_err *err)
{
	struct vhosts *v = calloc(1, sizeof(*v));

	if (v)
		v->vm = vm;
	else
		err_set(err, ENOMEM, "no memory for the guest's devices");
	return v;
}

static struct vhost *add(struct vhosts *v, const struct vhost_spec *spec)
{
	struct vhost *h = &v->vhost[v->nr++];

	*h = (struct vhost){ .all = v, .spec = *spec, .disk = -1, .dev = -1, .fd = -1, .backend = { .log_fd = -1 } };
	return h;
}

int vhosts_add(struct vhosts *v, const struct vm_vhost *dev, const struct vhost_spec *spec, struct r3_err *err)
{
	struct vhost *h;

	if (v->vm->nr_vhosts == VM_MAX_VHOSTS)
		return err_set(err, E2BIG, "a guest has at most %d shares and devices of --vhost-user", VM_MAX_VHOSTS);
	h = add(v, spec);
	h->dev = v->vm->nr_vhosts++;
	v->vm->vhost[h->dev] = *dev;
	v->vm->vhost[h->dev].fd = -1;
	snprintf(h->name, sizeof(h->name), "%s", dev->name);
	return 0;
}

int vhosts_add_disk(struct vhosts *v, int disk, const struct vhost_spec *spec, struct r3_err *err)
{
	struct vhost *h = add(v, spec);

	h->disk = disk;
	v->vm->disk[disk].vhost = true;
	v->vm->disk[disk].fd = -1;
	snprintf(h->name, sizeof(h->name), "disk %s", v->vm->disk[disk].path);
	return 0;
}

/* ---- sockets ---- */

static int stream(const struct vhost *h, struct r3_err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_set(err, errno, "%s: no socket: %s", h->name, strerror(errno)) : fd;
}

static int cannot_connect(const struct vhost *h, int e, struct r3_err *err)
{
	const char *path = h->spec.path;

	switch (e) {
	case ENOENT:
		return err_set(err, e, "%s: there is no socket %s; start the back end that listens on it first", h->name, path);
	case ECONNREFUSED:
	case EAGAIN:
		return err_set(err, e, "%s: nobody listens on %s; start the back end that does first", h->name, path);
	case EPROTOTYPE:
		return err_set(err, e, "%s: %s is no stream socket, which vhost-user needs", h->name, path);
	}
	return err_set(err, e, "%s: cannot connect to %s: %s", h->name, path, strerror(e));
}

static int connect_path(struct vhost *h, struct r3_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	cleanup_close int fd = -1;

	if (strlen(h->spec.path) >= sizeof(addr.sun_path))
		return err_set(err, ENAMETOOLONG, "%s: the path of a socket is at most %zu characters long", h->name,
			       sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, h->spec.path);
	fd = stream(h, err);
	if (fd < 0)
		return fd;
	/* Somebody who listens and does not accept must not keep us: the backlog is waited for. */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return cannot_connect(h, errno, err);
	h->fd = util_take_fd(&fd);
	return 0;
}

/* A listening socket with our connection waiting in it, and without a name. */
static int listen_once(struct vhost *h, int *theirs, struct r3_err *err)
{
	const char *tmp = getenv("XDG_RUNTIME_DIR");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	cleanup_close int listening = -1, ours = -1;
	char dir[sizeof(addr.sun_path) - 2];
	int e = 0;

	if (!tmp || !*tmp || strlen(tmp) > sizeof(dir) - 16 || access(tmp, W_OK))
		tmp = "/tmp";
	snprintf(dir, sizeof(dir), "%s/ring3.XXXXXX", tmp);
	listening = stream(h, err);
	if (listening < 0)
		return listening;
	ours = stream(h, err);
	if (ours < 0)
		return ours;
	if (!mkdtemp(dir))
		return err_set(err, errno, "%s: no directory for a socket in %s: %s", h->name, tmp, strerror(errno));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	if (bind(listening, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(listening, 1) < 0 ||
	    connect(ours, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		e = errno;
	unlink(addr.sun_path);
	rmdir(dir);
	if (e)
		return err_set(err, e, "%s: no socket in %s: %s", h->name, tmp, strerror(e));
	h->fd = util_take_fd(&ours);
	*theirs = util_take_fd(&listening);
	return 0;
}

static int pair(struct vhost *h, int *theirs, struct r3_err *err)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_set(err, errno, "%s: no socket pair: %s", h->name, strerror(errno));
	h->fd = fds[0];
	*theirs = fds[1];
	return 0;
}

/* ---- start and end ---- */

static void disconnect(struct vhost *h)
{
	if (h->fd < 0)
		return;
	if (h->all->loop) {
		loop_unwatch(h->all->loop, &h->watch);
		timer_set(&h->lost, -1);
	}
	close(h->fd);
	h->fd = -1;
}

/* All at once, then each is waited for. */
static void end_all(struct vhosts *v, bool force)
{
	int i;

	for (i = 0; i < v->nr; i++) {
		disconnect(&v->vhost[i]);
		if (v->vhost[i].backend.pid)
			kill(v->vhost[i].backend.pid, SIGTERM);
	}
	for (i = 0; i < v->nr; i++)
		backend_end(&v->vhost[i].backend, force ? FORCED_MS : v->vhost[i].spec.end_ms);
}

void vhosts_end(struct vhosts *v)
{
	int i;

	for (i = 0; v && i < v->nr; i++) {
		struct vhost *h = &v->vhost[i];

		disconnect(h);
		if (!h->backend.pid)
			continue;
		h->ending = true;
		kill(h->backend.pid, SIGTERM);
		timer_set(&h->lost, h->spec.end_ms);
	}
}

bool vhosts_ended(const struct vhosts *v)
{
	int i;

	for (i = 0; v && i < v->nr; i++)
		if (v->vhost[i].backend.pid)
			return false;
	return true;
}

static void lost(void *ctx)
{
	struct vhost *h = ctx;

	if (h->backend.pid)
		kill(h->backend.pid, SIGKILL);
}

static void hung_up(void *ctx, short revents)
{
	struct vhost *h = ctx;

	if (!(revents & (POLLHUP | POLLERR | POLLNVAL)))
		return;
	loop_unwatch(h->all->loop, &h->watch);
	timer_set(&h->lost, LOST_MS);
}

static void watch(struct vhost *h)
{
	loop_watch(h->all->loop, &h->watch, h->fd, 0, hung_up, h);
	h->watch.any = true;
	backend_watch(&h->backend, h->all->loop);
}

static int start(struct vhost *h, struct r3_err *err)
{
	cleanup_close int theirs = -1;
	int ret;

	if (h->spec.path)
		ret = connect_path(h, err);
	else
		ret = h->spec.listens ? listen_once(h, &theirs, err) : pair(h, &theirs, err);
	h->ending = false;
	/* Quiet until the guest is there: if it cannot start, the last it said is why. */
	if (!ret && !h->spec.path)
		ret = h->spec.start(h->spec.ctx, &h->backend, theirs, err);
	if (ret)
		return ret;
	if (h->disk >= 0)
		h->all->vm->disk[h->disk].fd = h->fd;
	else
		h->all->vm->vhost[h->dev].fd = h->fd;
	if (h->all->loop)
		watch(h);
	return 0;
}

int vhosts_start(struct vhosts *v, struct r3_err *err)
{
	int i, ret = 0;

	if (!v)
		return 0;
	end_all(v, false);
	v->failed[0] = 0;
	for (i = 0; i < v->nr && !ret; i++)
		ret = start(&v->vhost[i], err);
	if (ret)
		end_all(v, true);
	return ret;
}

void vhosts_watch(struct vhosts *v, struct loop *loop)
{
	int i;

	if (!v)
		return;
	v->loop = loop;
	for (i = 0; i < v->nr; i++) {
		loop_timer(loop, &v->vhost[i].lost, lost, &v->vhost[i]);
		watch(&v->vhost[i]);
	}
	/* Of one that ended before signals were taken nothing else tells. */
	vhosts_reap(v);
}

void vhosts_ready(struct vhosts *v)
{
	int i;

	for (i = 0; v && i < v->nr; i++) {
		struct backend *b = &v->vhost[i].backend;

		if (!b->quiet)
			continue;
		b->quiet = false;
		if (b->last[0])
			backend_say(b, b->last);
	}
}

/* QEMU's programs put the whole option in front of what they say of it. */
static const char *without_option(const char *words)
{
	const char *end = !strncmp(words, "--", 2) ? strstr(words, "}: ") : NULL;

	return end ? end + 3 : words;
}

void vhosts_reap(struct vhosts *v)
{
	char how[100];
	int i;

	for (i = 0; v && i < v->nr; i++) {
		const struct backend *b = &v->vhost[i].backend;
		char text[sizeof(v->failed)];

		if (!backend_reap(&v->vhost[i].backend, how, sizeof(how)))
			continue;
		timer_set(&v->vhost[i].lost, -1);
		if (v->vhost[i].ending)
			continue;
		snprintf(text, sizeof(text), "%s: its back end %s %s%s%s", v->vhost[i].name, b->name, how, b->quiet && b->last[0] ? ": " : "",
			 b->quiet ? without_option(b->last) : "");
		if (!v->told || !b->quiet)
			message("%s", text);
		/* One that is content has only seen that its connection has ended. */
		else if (strcmp(how, BACKEND_CONTENT))
			memcpy(v->failed, text, sizeof(text));
	}
}

void vhosts_tell(struct vhosts *v)
{
	v->told = true;
}

const char *vhosts_failed(const struct vhosts *v)
{
	return v && v->failed[0] ? v->failed : NULL;
}

void vhosts_close(struct vhosts *v, bool force)
{
	int i;

	if (!v)
		return;
	end_all(v, force);
	for (i = 0; i < v->nr; i++) {
		if (v->loop)
			loop_untimer(v->loop, &v->vhost[i].lost);
		if (v->vhost[i].spec.release)
			v->vhost[i].spec.release(v->vhost[i].spec.ctx);
	}
	free(v);
}
