// SPDX-License-Identifier: GPL-2.0-or-later
#include "vrelay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "sendfds.h"
#include "virtq/inflight.h"
#include "virtq/virtq.h"

/* Of a shared folder: one queue for requests, one for what must not wait behind them. */
#define NOTES_QUEUES	2
#define NOTES_SIZE	(NOTES_QUEUES * inflight_size(VIRTQ_SIZE_MAX))
/* More than any answer of a back end that has been asked one thing. */
#define BACKEND_MAX	1024

static void close_fd(int *fd)
{
	util_close(fd);
	*fd = -1;
}

/* ---- the end of a conversation ---- */

/* The monitor sees it as the back end's end, and so it is. */
static void hang_up(struct vrelay *r)
{
	if (r->monitor >= 0) {
		loop_unwatch(r->loop, &r->from_monitor);
		close_fd(&r->monitor);
	}
	if (r->backend >= 0) {
		loop_unwatch(r->loop, &r->from_backend);
		shutdown(r->backend, SHUT_RDWR);
		r->backend = -1;
	}
}

/* ---- from the monitor ---- */

/* Which descriptor goes along: one of these, or of a queue. */
enum with { WITH_NONE, WITH_RAM, WITH_NOTES, WITH_CALL, WITH_KICK };

static const struct {
	uint16_t size;			/* of the payload */
	uint8_t known, with;
} messages[] = {
	[VHOST_USER_GET_FEATURES] = { 0, 1 },
	[VHOST_USER_SET_FEATURES] = { sizeof(uint64_t), 1 },
	[VHOST_USER_SET_OWNER] = { 0, 1 },
	[VHOST_USER_SET_MEM_TABLE] = { sizeof(struct vhost_user_memory), 1, WITH_RAM },
	[VHOST_USER_SET_VRING_NUM] = { sizeof(struct vhost_user_vring_state), 1 },
	[VHOST_USER_SET_VRING_ADDR] = { sizeof(struct vhost_user_vring_addr), 1 },
	[VHOST_USER_SET_VRING_BASE] = { sizeof(struct vhost_user_vring_state), 1 },
	[VHOST_USER_GET_VRING_BASE] = { sizeof(struct vhost_user_vring_state), 1 },
	[VHOST_USER_SET_VRING_KICK] = { sizeof(uint64_t), 1, WITH_KICK },
	[VHOST_USER_SET_VRING_CALL] = { sizeof(uint64_t), 1, WITH_CALL },
	[VHOST_USER_GET_PROTOCOL_FEATURES] = { 0, 1 },
	[VHOST_USER_SET_PROTOCOL_FEATURES] = { sizeof(uint64_t), 1 },
	[VHOST_USER_GET_QUEUE_NUM] = { 0, 1 },
	[VHOST_USER_SET_VRING_ENABLE] = { sizeof(struct vhost_user_vring_state), 1 },
	[VHOST_USER_GET_CONFIG] = { offsetof(struct vhost_user_config, region), 1 },
	[VHOST_USER_SET_INFLIGHT_FD] = { sizeof(struct vhost_user_inflight), 1, WITH_NOTES },
};

/* Nothing is under way: the back end is about to begin. */
static bool clear_notes(struct vrelay *r, const struct vhost_user_inflight *what)
{
	size_t one = inflight_size(what->queue_size);
	unsigned int q;

	if (!r->notes || what->mmap_offset || what->queue_size > VIRTQ_SIZE_MAX || what->num_queues > NOTES_QUEUES ||
	    what->mmap_size != what->num_queues * one)
		return false;
	memset(r->notes, 0, NOTES_SIZE);
	for (q = 0; q < what->num_queues; q++) {
		struct inflight *f = (struct inflight *)((char *)r->notes + q * one);

		f->version = INFLIGHT_VERSION;
		f->nr = what->queue_size;
	}
	return true;
}

/* -1: none; -2: it makes no sense. */
static int fd_for(struct vrelay *r, enum with with, const void *payload)
{
	struct vhost_user_inflight what;
	uint64_t q;

	memcpy(&q, payload, sizeof(q));
	switch (with) {
	case WITH_NONE:
		return -1;
	case WITH_RAM:
		return r->ram;
	case WITH_NOTES:
		memcpy(&what, payload, sizeof(what));
		return clear_notes(r, &what) ? r->inflight : -2;
	case WITH_CALL:
		return q < r->nr_kicks ? r->call : -2;
	case WITH_KICK:
		return q < r->nr_kicks ? r->kick[q] : -2;
	}
	return -2;
}

/* GET_CONFIG has as much room in it as it asks for. */
static bool size_fits(const struct vhost_user_header *h)
{
	uint32_t size = messages[h->request].size;

	if (h->request == VHOST_USER_GET_CONFIG)
		return h->size >= size && h->size <= VHOST_LINK_PAYLOAD_MAX;
	return h->size == size;
}

/* Of the head alone. False: it is no message. */
static bool head_fits(const struct vhost_user_header *h)
{
	return h->request < ARRAY_SIZE(messages) && messages[h->request].known && size_fits(h) &&
	       (h->flags & ~VHOST_USER_NEED_REPLY) == VHOST_USER_VERSION;
}

/* One that does not fit into the socket is not kept: no back end leaves so many unread. */
static bool pass_on(struct vrelay *r, const struct vhost_user_header *h)
{
	int fd = fd_for(r, messages[h->request].with, r->message + sizeof(*h));

	return fd != -2 && !send_fds(r->backend, r->message, sizeof(*h) + h->size, &fd, fd >= 0, MSG_DONTWAIT);
}

static void monitor_said(void *ctx, short revents)
{
	struct vhost_user_header h;
	struct vrelay *r = ctx;
	size_t want = sizeof(h);
	ssize_t n;

	if (r->have >= sizeof(h)) {
		memcpy(&h, r->message, sizeof(h));
		want += h.size;
	}
	n = recv(r->monitor, r->message + r->have, want - r->have, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(r);
		return;
	}
	r->have += n;
	if (r->have < sizeof(h))
		return;
	memcpy(&h, r->message, sizeof(h));
	/* All zeros: it is of no use to the monitor any more. */
	if (!head_fits(&h)) {
		hang_up(r);
	} else if (r->have == sizeof(h) + h.size) {
		r->have = 0;
		if (!pass_on(r, &h))
			hang_up(r);
	}
}

/* ---- from the back end ---- */

static void backend_said(void *ctx, short revents)
{
	uint8_t bytes[BACKEND_MAX];
	struct vrelay *r = ctx;
	ssize_t n = recv(r->backend, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Who says more than the monitor reads has not been asked. */
	if (n <= 0 || send(r->monitor, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
		hang_up(r);
}

/* ---- begin and end ---- */

static int make_notes(struct vrelay *r)
{
	void *p;

	r->inflight = memfd_create("ring3-inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* The back end has the descriptor, too: it must not make the file shorter. */
	if (r->inflight < 0 || ftruncate(r->inflight, NOTES_SIZE) ||
	    fcntl(r->inflight, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	p = mmap(NULL, NOTES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, r->inflight, 0);
	if (p == MAP_FAILED)
		return -errno;
	r->notes = p;
	return 0;
}

static int make_events(struct vrelay *r)
{
	unsigned int q;

	/* Who fills a count up must not have the guest's kernel wait. */
	r->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (q = 0; q < r->nr_kicks; q++) {
		r->kick[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (r->kick[q] < 0)
			return -errno;
	}
	return r->call < 0 ? -errno : 0;
}

int vrelay_open(struct vrelay *r, struct loop *loop, int backend, int ram, const struct channel_vhost *device, struct r3_err *err)
{
	int fds[2], ret = 0;
	unsigned int q;

	*r = (struct vrelay){ .loop = loop, .monitor = -1, .theirs = -1, .backend = -1, .ram = ram, .call = -1, .inflight = -1 };
	r->nr_kicks = channel_vhost_kicks(device);
	for (q = 0; q < ARRAY_SIZE(r->kick); q++)
		r->kick[q] = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds)) {
		ret = -errno;
	} else {
		r->monitor = fds[0];
		r->theirs = fds[1];
		loop_watch(loop, &r->from_monitor, r->monitor, POLLIN, monitor_said, r);
		ret = make_events(r);
	}
	if (!ret && device->fs)
		ret = make_notes(r);
	if (ret) {
		vrelay_close(r);
		return err_set(err, ret, "%s: no socket or memory for its back end: %s; raise the limit of open files (ulimit -n)", device->name, strerror(-ret));
	}
	r->backend = backend;
	loop_watch(loop, &r->from_backend, backend, POLLIN, backend_said, r);
	return 0;
}

unsigned int vrelay_fds(const struct vrelay *r, int fds[CHANNEL_FDS_MAX])
{
	unsigned int n = 0, q;

	fds[n++] = r->theirs;
	fds[n++] = r->call;
	if (r->inflight >= 0)
		fds[n++] = r->inflight;
	for (q = 0; q < r->nr_kicks; q++)
		fds[n++] = r->kick[q];
	return n;
}

void vrelay_given(struct vrelay *r)
{
	close_fd(&r->theirs);
}

void vrelay_close(struct vrelay *r)
{
	unsigned int q;

	if (!r->loop)
		return;
	hang_up(r);
	close_fd(&r->theirs);
	close_fd(&r->call);
	for (q = 0; q < r->nr_kicks; q++)
		close_fd(&r->kick[q]);
	if (r->notes)
		munmap(r->notes, NOTES_SIZE);
	close_fd(&r->inflight);
	r->loop = NULL;
}
