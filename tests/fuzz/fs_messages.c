// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The front end's side of a shared folder's server, hostile: messages of vhost-user in any order, with
 * any descriptors, and requests in the queues between them. No worker runs: what one does is done here.
 */
#include "fs_messages.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "dev/vhost_user.h"
#include "queue.h"
#include "vhost.h"

#define RAM		(64u << 10)
#define INFLIGHT	(64u << 10)
#define MESSAGES_MAX	80

enum { FD_RAM, FD_INFLIGHT, FD_EVENT, FD_NULL, FDS };

static struct workers w;
static struct vhost v;
static int fds[FDS] = { -1, -1, -1, -1 }, peer;
static uint8_t *ram, *inflight;

static int memory(size_t size, uint8_t **p)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	must(fd >= 0 && !ftruncate(fd, size));
	*p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(*p != MAP_FAILED);
	return fd;
}

static void send_it(const void *data, size_t len, const int *with, unsigned int nr)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(16 * sizeof(int))];
	} control = { .buf = { 0 } };
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nr) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		control.align = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(nr * sizeof(int)) };
		memcpy(CMSG_DATA(&control.align), with, nr * sizeof(int));
	}
	if (len && sendmsg(peer, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

/* Mostly what a front end that knows the protocol says. */
static uint32_t body(struct input *in, uint32_t what, void *to)
{
	uint8_t how = in8(in);
	uint32_t q = how % 10;

	switch (what) {
	case VHOST_USER_SET_MEM_TABLE:
		*(struct vhost_user_memory *)to = (struct vhost_user_memory){
			.nr = how & 1 ? 1 : in8(in), .region[0] = { 0, how & 2 ? RAM : in32(in), 0x1000, how & 4 ? 0 : in32(in) } };
		return sizeof(struct vhost_user_memory);
	case VHOST_USER_SET_INFLIGHT_FD:
		*(struct vhost_user_inflight *)to = (struct vhost_user_inflight){
			.mmap_size = how & 1 ? INFLIGHT : in32(in), .mmap_offset = how & 2 ? 0 : in32(in),
			.num_queues = how & 4 ? 2 : in16(in), .queue_size = how & 8 ? 16 : in16(in) };
		return sizeof(struct vhost_user_inflight);
	case VHOST_USER_SET_VRING_ADDR:
		*(struct vhost_user_vring_addr *)to = (struct vhost_user_vring_addr){
			.index = q, .desc = 0x1000 + q * 4096, .avail = 0x1000 + q * 4096 + 1024, .used = 0x1000 + q * 4096 + 2048 };
		if (how & 0x80)
			((struct vhost_user_vring_addr *)to)->used += in32(in);
		return sizeof(struct vhost_user_vring_addr);
	case VHOST_USER_SET_VRING_NUM:
	case VHOST_USER_SET_VRING_BASE:
	case VHOST_USER_SET_VRING_ENABLE:
	case VHOST_USER_GET_VRING_BASE:
		*(struct vhost_user_vring_state *)to = (struct vhost_user_vring_state){ q, how & 0x80 ? in32(in) : what == VHOST_USER_SET_VRING_NUM ? 16 : how >> 6 & 1 };
		return sizeof(struct vhost_user_vring_state);
	case VHOST_USER_SET_FEATURES:
	case VHOST_USER_SET_PROTOCOL_FEATURES:
		*(uint64_t *)to = in64(in);
		return 8;
	case VHOST_USER_SET_VRING_KICK:
	case VHOST_USER_SET_VRING_CALL:
		*(uint64_t *)to = how & 0x80 ? in64(in) : q;
		return 8;
	}
	return how & 1 ? in8(in) : 0;
}

static void message(struct input *in)
{
	uint8_t raw[sizeof(struct vhost_user_header) + 256] = { 0 }, how = in8(in);
	struct vhost_user_header h = { in8(in) % 40, VHOST_USER_VERSION | (how & 1 ? VHOST_USER_NEED_REPLY : 0), 0 };
	int with[16] = { fds[how >> 1 & 3] };
	uint64_t said[16] = { 0 };
	unsigned int nr = 0, i;

	h.size = body(in, h.request, said);
	memcpy(raw + sizeof(h), said, sizeof(said));
	if (h.request == VHOST_USER_SET_MEM_TABLE || h.request == VHOST_USER_SET_INFLIGHT_FD || h.request == VHOST_USER_SET_VRING_KICK ||
	    h.request == VHOST_USER_SET_VRING_CALL)
		nr = 1;
	if ((how >> 4) == 0xf)
		nr = in8(in) % 16;
	for (i = 1; i < nr; i++)
		with[i] = fds[in8(in) % FDS];
	memcpy(raw, &h, sizeof(h));
	i = sizeof(h) + h.size;
	if (how & 8)
		i = in8(in) % sizeof(raw);
	send_it(raw, i, with, nr);
}

static void drain(void)
{
	char drop[4096];

	while (recv(peer, drop, sizeof(drop), MSG_DONTWAIT) > 0)
		;
}

/* What a worker does with what is there. */
static void serve(struct share *s, struct request *r)
{
	unsigned int i, n;

	for (i = 0; i < QUEUES_MAX; i++) {
		struct queue *q = &w.queue[i];

		for (n = 0; n < 32 && q->started && virtq_getchain(&q->vq, &r->chain) > 0; n++) {
			if (q->inflight)
				inflight_take(q->inflight, r->chain.head);
			q->at_work++;
			r->share = s;
			r->queue = NULL;
			queue_complete(q, &r->chain, request_serve(r));
		}
		if (q->vq.broken)
			q->started = false;
	}
}

void fs_messages(struct input *in, struct share *s, struct request *r)
{
	int sv[2], i, ret = 0;

	if (fds[0] < 0) {
		fds[FD_RAM] = memory(RAM, &ram);
		fds[FD_INFLIGHT] = memory(INFLIGHT, &inflight);
		fds[FD_EVENT] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		fds[FD_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
		signal(SIGPIPE, SIG_IGN);
		must(!workers_init(&w, s));
	}
	w.share = s;
	memset(ram, 0, RAM);
	memset(inflight, 0, INFLIGHT);
	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv));
	peer = sv[1];
	vhost_init(&v, sv[0], &w);
	for (i = 0; !ret && in->len && i < MESSAGES_MAX; i++) {
		uint8_t what = in8(in);
		size_t len, at;
		const uint8_t *bytes;

		if (what < 0xc0) {
			message(in);
			/* 0: what there is was read, as the socket does not block. */
			ret = vhost_run(&v);
			must(ret <= 0);
			drain();
		} else if (what < 0xe0) {
			at = in16(in) % (RAM - 256);
			bytes = in_bytes(in, in8(in), &len);
			memcpy(ram + at, bytes, len);
		} else {
			serve(s, r);
		}
	}
	vhost_stop(&v);
	for (i = 0; i < QUEUES_MAX; i++) {
		struct queue *q = &w.queue[i];

		must(!q->started && !q->at_work);
		if (q->kick >= 0)
			close(q->kick);
		if (q->call >= 0)
			close(q->call);
		q->kick = q->call = -1;
	}
	close(sv[0]);
	close(sv[1]);
}
