// SPDX-License-Identifier: GPL-2.0-or-later
#include "vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "dev/vhost_user.h"

/* What front ends other than the monitor's send as well. */
#define RESET_OWNER	4
#define SET_VRING_ERR	14

/* The number in SET_VRING_KICK and the like. */
#define VRING_MASK	0xff
#define VRING_NO_FD	(1 << 8)

#define F_PROTOCOL	(1ULL << VHOST_USER_F_PROTOCOL_FEATURES)
#define F_MQ		(1ULL << VHOST_USER_PROTOCOL_F_MQ)
#define F_REPLY_ACK	(1ULL << VHOST_USER_PROTOCOL_F_REPLY_ACK)
#define F_INFLIGHT	(1ULL << VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD)

#define FEATURES	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC | 1ULL << VIRTIO_RING_F_EVENT_IDX | \
			 F_PROTOCOL)
#define PROTOCOL	(F_MQ | F_REPLY_ACK | F_INFLIGHT)
#define PAGE		4096

struct message {
	struct vhost_user_header head;
	union {
		uint64_t u64;
		struct vhost_user_vring_state state;
		struct vhost_user_vring_addr addr;
		struct vhost_user_memory mem;
		struct vhost_user_inflight inflight;
	} body;
	int fd[VHOST_FDS_MAX];
	unsigned int nr_fds;
};

static int wrong(struct vhost *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int wrong(struct vhost *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->why, sizeof(v->why), fmt, ap);
	va_end(ap);
	return -EPROTO;
}

void vhost_init(struct vhost *v, int fd, struct workers *w)
{
	*v = (struct vhost){ .fd = fd, .workers = w, .mem.fd = -1 };
}

/* ---- queues ---- */

static uint64_t to_gpa(const struct vhost *v, uint64_t addr)
{
	/* Below the first byte it becomes an address that no memory has. */
	return addr - v->user_addr;
}

static int start(struct vhost *v, unsigned int n)
{
	struct vhost_queue *q = &v->queue[n];
	struct queue *queue = &v->workers->queue[n];
	struct virtq vq;

	if (queue->started || !q->size || !q->has_addr || !v->map || queue->kick < 0)
		return 0;
	if (virtq_init(&vq, &v->mem, v->features, q->size, to_gpa(v, q->desc), to_gpa(v, q->avail), to_gpa(v, q->used)))
		return wrong(v, "queue %u is not in the memory that was given, or of no size that a queue can have", n);
	if (v->inflight && (n >= v->nr_inflight || q->size > v->inflight_size))
		return wrong(v, "queue %u has no place among what is in flight", n);
	virtq_resume(&vq, q->next);
	return queue_start(queue, &vq, v->inflight ? v->inflight + n * inflight_size(v->inflight_size) : NULL);
}

static void stop(struct vhost *v, unsigned int n)
{
	if (v->workers->queue[n].started || v->workers->queue[n].vq.broken)
		v->queue[n].next = queue_stop(&v->workers->queue[n]);
	v->workers->queue[n].vq.broken = NULL;
}

static int number(struct vhost *v, uint32_t n)
{
	return n < QUEUES_MAX ? (int)n : wrong(v, "there is no queue %u", n);
}

static void replace(int *fd, int new)
{
	if (*fd >= 0)
		close(*fd);
	*fd = new;
}

static int set_fd(struct vhost *v, struct message *m)
{
	int n = number(v, m->body.u64 & VRING_MASK), fd = -1;
	struct queue *q;

	if (n < 0)
		return n;
	if (m->body.u64 & VRING_NO_FD) {
		if (m->nr_fds)
			return wrong(v, "a descriptor came where none was to come");
	} else if (m->nr_fds != 1) {
		return wrong(v, "%u descriptors came where 1 was to come", m->nr_fds);
	} else {
		fd = m->fd[0];
		m->nr_fds = 0;
		/* A worker must not be held up by who does not read. */
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	}
	q = &v->workers->queue[n];
	if (m->head.request == SET_VRING_ERR) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	if (m->head.request == VHOST_USER_SET_VRING_CALL) {
		pthread_mutex_lock(&q->lock);
		replace(&q->call, fd);
		pthread_mutex_unlock(&q->lock);
		return 0;
	}
	stop(v, n);
	replace(&q->kick, fd);
	/* Without the protocol's features a queue that has its kick is enabled. */
	if (!(v->features & F_PROTOCOL))
		v->queue[n].enabled = true;
	return v->queue[n].enabled ? start(v, n) : 0;
}

/* ---- memory ---- */

static void unmap(struct vhost *v)
{
	if (v->map)
		munmap(v->map, v->map_len);
	v->map = NULL;
	v->mem = (struct guest_mem){ .fd = -1 };
}

static void stop_all(struct vhost *v)
{
	unsigned int i;

	for (i = 0; i < QUEUES_MAX; i++)
		stop(v, i);
}

static int start_enabled(struct vhost *v)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < QUEUES_MAX; i++)
		if (v->queue[i].enabled)
			ret = start(v, i);
	return ret;
}

/* What the front end shares. NULL: wrong() has it. */
static void *map_shared(struct vhost *v, int fd, uint64_t size, uint64_t offset, const char *what)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) || !size || offset % PAGE || offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - offset) {
		wrong(v, "the file of %s is shorter than what was said, or that is no page", what);
		return NULL;
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, offset);
	if (p != MAP_FAILED)
		return p;
	wrong(v, "%s cannot be mapped: %s", what, strerror(errno));
	return NULL;
}

static int set_memory(struct vhost *v, struct message *m)
{
	const struct vhost_user_memory *table = &m->body.mem;
	uint64_t size = table->region[0].size;

	if (table->nr != 1 || m->nr_fds != 1 || table->region[0].gpa)
		return wrong(v, "memory must be one region that begins at address 0");
	if (size % PAGE)
		return wrong(v, "memory must be pages");
	stop_all(v);
	unmap(v);
	v->map = map_shared(v, m->fd[0], size, table->region[0].mmap_offset, "the guest's memory");
	if (!v->map)
		return -EPROTO;
	/* What a request reads or writes is never all of a child's that this process does not have. */
	madvise(v->map, size, MADV_DONTFORK);
	v->map_len = size;
	v->user_addr = table->region[0].user_addr;
	v->mem = (struct guest_mem){ .base = v->map, .size = size, .fd = -1 };
	return start_enabled(v);
}

static void unmap_inflight(struct vhost *v)
{
	if (v->inflight)
		munmap(v->inflight, v->inflight_len);
	v->inflight = NULL;
}

/* Where this process notes what it has taken. What is in it is the front end's, and is not read here. */
static int set_inflight(struct vhost *v, struct message *m)
{
	const struct vhost_user_inflight *in = &m->body.inflight;
	uint64_t size = in->mmap_size;

	if (m->nr_fds != 1 || !in->num_queues || in->num_queues > QUEUES_MAX || !in->queue_size || in->queue_size > VIRTQ_SIZE_MAX ||
	    size < in->num_queues * inflight_size(in->queue_size))
		return wrong(v, "what is in flight of no queue, of too many, or in too little memory");
	stop_all(v);
	unmap_inflight(v);
	v->inflight = map_shared(v, m->fd[0], size, in->mmap_offset, "what is in flight");
	if (!v->inflight)
		return -EPROTO;
	v->inflight_len = size;
	v->inflight_size = in->queue_size;
	v->nr_inflight = in->num_queues;
	return start_enabled(v);
}

/* ---- messages ---- */

static int reply(struct vhost *v, uint32_t request, const void *body, uint32_t size)
{
	struct {
		struct vhost_user_header head;
		char body[16];
	} out = { .head = { request, VHOST_USER_VERSION | VHOST_USER_REPLY, size } };

	memcpy(out.body, body, size);
	if (send(v->fd, &out, sizeof(out.head) + size, MSG_NOSIGNAL) != (ssize_t)(sizeof(out.head) + size))
		return wrong(v, "an answer was not taken");
	return 0;
}

static int set_addr(struct vhost *v, const struct vhost_user_vring_addr *a)
{
	int n = number(v, a->index);

	if (n < 0)
		return n;
	stop(v, n);
	v->queue[n].desc = a->desc;
	v->queue[n].avail = a->avail;
	v->queue[n].used = a->used;
	v->queue[n].has_addr = true;
	return v->queue[n].enabled ? start(v, n) : 0;
}

static int set_state(struct vhost *v, const struct message *m)
{
	const struct vhost_user_vring_state *s = &m->body.state;
	int n = number(v, s->index);

	if (n < 0)
		return n;
	switch (m->head.request) {
	case VHOST_USER_SET_VRING_NUM:
		stop(v, n);
		if (!s->num || s->num > VIRTQ_SIZE_MAX || s->num & (s->num - 1))
			return wrong(v, "a queue of %u entries", s->num);
		v->queue[n].size = s->num;
		break;
	case VHOST_USER_SET_VRING_BASE:
		stop(v, n);
		v->queue[n].next = s->num;
		break;
	case VHOST_USER_SET_VRING_ENABLE:
		stop(v, n);
		v->queue[n].enabled = s->num;
		break;
	}
	return v->queue[n].enabled ? start(v, n) : 0;
}

static int get_base(struct vhost *v, const struct vhost_user_vring_state *s)
{
	struct vhost_user_vring_state out = { .index = s->index };
	int n = number(v, s->index);

	if (n < 0)
		return n;
	stop(v, n);
	/* The kick comes anew with the next start. */
	replace(&v->workers->queue[n].kick, -1);
	out.num = v->queue[n].next;
	return reply(v, VHOST_USER_GET_VRING_BASE, &out, sizeof(out));
}

/* How long the body of a request is; -1: not known here. */
static int size_of(uint32_t request)
{
	switch (request) {
	case VHOST_USER_GET_FEATURES:
	case VHOST_USER_SET_OWNER:
	case RESET_OWNER:
	case VHOST_USER_GET_PROTOCOL_FEATURES:
	case VHOST_USER_GET_QUEUE_NUM:
		return 0;
	case VHOST_USER_SET_FEATURES:
	case VHOST_USER_SET_PROTOCOL_FEATURES:
	case VHOST_USER_SET_VRING_KICK:
	case VHOST_USER_SET_VRING_CALL:
	case SET_VRING_ERR:
		return sizeof(uint64_t);
	case VHOST_USER_SET_VRING_NUM:
	case VHOST_USER_SET_VRING_BASE:
	case VHOST_USER_GET_VRING_BASE:
	case VHOST_USER_SET_VRING_ENABLE:
		return sizeof(struct vhost_user_vring_state);
	case VHOST_USER_SET_VRING_ADDR:
		return sizeof(struct vhost_user_vring_addr);
	case VHOST_USER_SET_MEM_TABLE:
		return sizeof(struct vhost_user_memory);
	case VHOST_USER_SET_INFLIGHT_FD:
		return sizeof(struct vhost_user_inflight);
	}
	return -1;
}

/* Return: 1 if it was answered, 0 if it was not, or -EPROTO. */
static int handle(struct vhost *v, struct message *m)
{
	static const uint64_t features = FEATURES, protocol = PROTOCOL, queues = QUEUES_MAX;
	uint32_t request = m->head.request;

	switch (request) {
	case VHOST_USER_GET_FEATURES:
		return reply(v, request, &features, sizeof(features)) ?: 1;
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		return reply(v, request, &protocol, sizeof(protocol)) ?: 1;
	case VHOST_USER_GET_QUEUE_NUM:
		return reply(v, request, &queues, sizeof(queues)) ?: 1;
	case VHOST_USER_SET_FEATURES:
		if (m->body.u64 & ~features)
			return wrong(v, "features were accepted that were not offered");
		v->features = m->body.u64;
		return 0;
	case VHOST_USER_SET_PROTOCOL_FEATURES:
		if (m->body.u64 & ~protocol)
			return wrong(v, "features of the protocol were accepted that were not offered");
		v->protocol = m->body.u64;
		return 0;
	case VHOST_USER_SET_OWNER:
	case RESET_OWNER:
		return 0;
	case VHOST_USER_SET_MEM_TABLE:
		return set_memory(v, m);
	case VHOST_USER_SET_INFLIGHT_FD:
		return set_inflight(v, m);
	case VHOST_USER_SET_VRING_ADDR:
		return set_addr(v, &m->body.addr);
	case VHOST_USER_GET_VRING_BASE:
		return get_base(v, &m->body.state) ?: 1;
	case VHOST_USER_SET_VRING_NUM:
	case VHOST_USER_SET_VRING_BASE:
	case VHOST_USER_SET_VRING_ENABLE:
		return set_state(v, m);
	default:
		return set_fd(v, m);
	}
}

/* Return: 1, 0 at the end, or -EPROTO. Descriptors are the caller's in any case. */
static int receive(struct vhost *v, struct message *m)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(m->fd))];
	} control;
	struct iovec iov = { &m->head, sizeof(m->head) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n;
	int size;

	memset(m, 0, sizeof(*m));
	do
		n = recvmsg(v->fd, &msg, MSG_WAITALL | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	for (c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL; c; c = CMSG_NXTHDR(&msg, c)) {
		unsigned int nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || m->nr_fds + nr > VHOST_FDS_MAX)
			continue;
		memcpy(m->fd + m->nr_fds, CMSG_DATA(c), nr * sizeof(int));
		m->nr_fds += nr;
	}
	if (n <= 0)
		return 0;
	if (n != sizeof(m->head) || (m->head.flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION)
		return wrong(v, "a message that is none");
	if (msg.msg_flags & MSG_CTRUNC)
		return wrong(v, "more descriptors came than any message has");
	size = size_of(m->head.request);
	if (size < 0)
		return wrong(v, "request %u is not known here", m->head.request);
	if (m->head.size != (uint32_t)size)
		return wrong(v, "request %u with %u bytes", m->head.request, m->head.size);
	if (m->head.size && recv(v->fd, &m->body, m->head.size, MSG_WAITALL) != (ssize_t)m->head.size)
		return wrong(v, "a message that ends too early");
	return 1;
}

int vhost_run(struct vhost *v)
{
	struct message m;
	int ret;

	for (;;) {
		ret = receive(v, &m);
		if (ret > 0) {
			uint64_t ok = 0;

			ret = handle(v, &m);
			if (!ret && (m.head.flags & VHOST_USER_NEED_REPLY) && (v->protocol & F_REPLY_ACK))
				ret = reply(v, m.head.request, &ok, sizeof(ok));
			ret = ret < 0 ? ret : 1;
		}
		while (m.nr_fds)
			close(m.fd[--m.nr_fds]);
		if (ret <= 0)
			return ret;
	}
}

void vhost_stop(struct vhost *v)
{
	unsigned int i;

	for (i = 0; i < QUEUES_MAX; i++)
		stop(v, i);
	unmap(v);
	unmap_inflight(v);
}
