// SPDX-License-Identifier: GPL-2.0-or-later
#include "conns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/util.h"

#define EVENTS		64
#define BUDGET		64	/* packets of each direction between two looks at events */

/* ---- the table ---- */

static unsigned int bucket_of(uint32_t guest_port, uint32_t host_port)
{
	return (guest_port * 2654435761u ^ host_port * 2246822519u) % CONNS_MAX;
}

struct conn *conn_find(const struct conns *v, uint32_t guest_port, uint32_t host_port)
{
	struct conn *c = v->bucket[bucket_of(guest_port, host_port)];

	while (c && (c->guest_port != guest_port || c->host_port != host_port))
		c = c->next;
	return c;
}

/* Has it a pair of ports, by which the guest knows it? */
static bool is_named(const struct conn *c)
{
	return c->state != CONN_HELLO && c->state != CONN_FLUSHING;
}

static void unname(struct conns *v, struct conn *c)
{
	struct conn **p = &v->bucket[bucket_of(c->guest_port, c->host_port)];

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
}

void conn_name(struct conns *v, struct conn *c, uint32_t guest_port, uint32_t host_port)
{
	struct conn **p = &v->bucket[bucket_of(guest_port, host_port)];

	c->guest_port = guest_port;
	c->host_port = host_port;
	c->next = *p;
	*p = c;
}

/* What a guest has done with, and a program of the host does not read, makes room first. */
static bool make_room(struct conns *v)
{
	unsigned int i;

	for (i = 0; i < v->max && v->nr >= v->max; i++)
		if (v->slot[i] && v->slot[i]->state == CONN_FLUSHING)
			conn_free(v, v->slot[i]);
	return v->nr < v->max;
}

struct conn *conn_new(struct conns *v, enum conn_state state, int fd)
{
	struct conn *c = make_room(v) ? calloc(1, sizeof(*c)) : NULL;
	unsigned int i = 0;

	if (!c)
		return NULL;
	while (v->slot[i])
		i++;
	v->slot[i] = c;
	v->nr++;
	c->slot = i;
	c->generation = ++v->generation;
	c->state = state;
	c->fd = fd;
	c->writable = true;
	return c;
}

static void unready(struct conns *v, struct conn *c)
{
	if (!c->ready)
		return;
	*(c->ready_prev ? &c->ready_prev->ready_next : &v->first) = c->ready_next;
	*(c->ready_next ? &c->ready_next->ready_prev : &v->last) = c->ready_prev;
	c->ready_next = c->ready_prev = NULL;
	c->ready = false;
}

void conn_free(struct conns *v, struct conn *c)
{
	unready(v, c);
	if (is_named(c))
		unname(v, c);
	if (c->fd >= 0)
		close(c->fd);
	v->slot[c->slot] = NULL;
	v->nr--;
	free(c->buf);
	free(c);
}

void conn_owe(struct conns *v, struct conn *c, unsigned int what)
{
	c->owe |= what;
	if (c->ready)
		return;
	c->ready = true;
	c->ready_prev = v->last;
	*(v->last ? &v->last->ready_next : &v->first) = c;
	v->last = c;
}

int conn_watch(struct conns *v, struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = c->slot | (uint64_t)c->generation << 32 };

	return epoll_ctl(v->epoll, EPOLL_CTL_ADD, c->fd, &ev) ? -errno : 0;
}

void conns_refuse(struct conns *v, uint32_t guest_port, uint32_t host_port, uint64_t cid)
{
	if (v->nr_resets == ARRAY_SIZE(v->reset))
		return;
	v->reset[(v->reset_first + v->nr_resets++) % ARRAY_SIZE(v->reset)] = (struct refused){ guest_port, host_port, cid };
}

void conn_reset(struct conns *v, struct conn *c)
{
	if (is_named(c) && !(c->owe & OWE_REQUEST))
		conns_refuse(v, c->guest_port, c->host_port, HOST_CID);
	conn_free(v, c);
}

void conn_forget(struct conns *v, struct conn *c)
{
	if (c->state != CONN_OPEN || !c->buf_len) {
		conn_free(v, c);
		return;
	}
	unready(v, c);
	unname(v, c);
	c->state = CONN_FLUSHING;
	c->guest_eof = true;
	c->owe = 0;
	host_settle(v, c);
}

void guest_gone(struct conns *v)
{
	unsigned int i;

	v->starts++;
	v->nr_resets = 0;
	v->out_len = 0;
	for (i = 0; i < v->max; i++)
		if (v->slot[i] && is_named(v->slot[i]))
			conn_forget(v, v->slot[i]);
}

/* ---- the loop ---- */

/* Above the slots. */
enum { EV_PACKETS = CONNS_MAX, EV_CONTROL, EV_LISTENER };

static int watch(struct conns *v, int op, int fd, uint32_t events, uint32_t what)
{
	struct epoll_event ev = { .events = events, .data.u64 = what };

	return fd >= 0 && epoll_ctl(v->epoll, op, fd, &ev) ? -errno : 0;
}

int conns_open(struct conns *v, int packets, int control, int listener, uint64_t cid, unsigned int max)
{
	memset(v, 0, sizeof(*v));
	v->packets = packets;
	v->control = control;
	v->listener = listener;
	v->cid = cid;
	v->max = min_t(unsigned int, max, CONNS_MAX);
	v->next_port = HOST_PORT_FIRST;
	v->listening = v->hearing = true;
	v->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (v->epoll < 0)
		return -errno;
	return watch(v, EPOLL_CTL_ADD, packets, EPOLLIN, EV_PACKETS) ?: watch(v, EPOLL_CTL_ADD, control, EPOLLIN, EV_CONTROL) ?:
	       watch(v, EPOLL_CTL_ADD, listener, EPOLLIN, EV_LISTENER);
}

void conns_close(struct conns *v)
{
	unsigned int i;

	for (i = 0; i < v->max; i++)
		if (v->slot[i])
			conn_free(v, v->slot[i]);
	close(v->epoll);
}

/* Packets of the guest. Return: 1: there may be more, 0: none now, -EPIPE. */
static int hear(struct conns *v)
{
	const struct iovec iov[] = { { &v->in.hdr, VSOCK_HDR }, { v->in.data, sizeof(v->in.data) } };
	unsigned int budget = BUDGET;
	ssize_t n;

	while (budget-- && v->nr_resets < RESETS_MAX) {
		n = readv(v->packets, iov, 2);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return -EPIPE;
		if (n == VSOCK_RESET_LEN)
			guest_gone(v);
		else if (n >= (ssize_t)VSOCK_HDR)
			guest_packet(v, n - VSOCK_HDR);
	}
	return 1;
}

/* Packets for the guest. */
static int speak(struct conns *v)
{
	unsigned int budget = BUDGET;
	ssize_t n;

	while (budget--) {
		if (!v->out_len && !v->starts)
			v->out_len = guest_next(v);
		if (!v->out_len && !v->starts)
			return 0;
		n = send(v->packets, &v->out, v->starts ? VSOCK_RESET_LEN : v->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN && errno != ENOBUFS)
			return -EPIPE;
		v->blocked = n < 0;
		if (v->blocked)
			return 0;
		if (v->starts)
			v->starts--;
		else
			v->out_len = 0;
	}
	return 1;
}

static int take_dialled(struct conns *v)
{
	struct vsock_dialled answer;
	struct iovec iov = { &answer, sizeof(answer) };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} u;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof(u) };
	struct cmsghdr *cmsg;
	int fd = -1;
	ssize_t n = recvmsg(v->control, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -EPIPE;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS && cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	if (n == sizeof(answer))
		host_dialled(v, &answer, fd);
	else if (fd >= 0)
		close(fd);
	return 0;
}

/* What is waited for follows what there is room for. */
static void rearm(struct conns *v, bool *was_blocked)
{
	bool hearing = v->nr_resets < RESETS_MAX, listening = v->nr < v->max;

	if (hearing != v->hearing || v->blocked != *was_blocked)
		watch(v, EPOLL_CTL_MOD, v->packets, (hearing ? EPOLLIN : 0) | (v->blocked ? EPOLLOUT : 0), EV_PACKETS);
	if (listening != v->listening)
		watch(v, EPOLL_CTL_MOD, v->listener, listening ? EPOLLIN : 0, EV_LISTENER);
	v->hearing = hearing;
	v->listening = listening;
	*was_blocked = v->blocked;
}

/* Of one connection; of one that has ended by an event before this one nothing. */
static void conn_events(struct conns *v, const struct epoll_event *ev)
{
	struct conn *c = v->slot[(uint32_t)ev->data.u64];

	if (c && c->generation == ev->data.u64 >> 32)
		host_events(v, c, ev->events);
}

static bool has_words(const struct conns *v)
{
	return !v->blocked && (v->starts || v->first || v->nr_resets || v->out_len);
}

int conns_step(struct conns *v, int ms)
{
	struct epoll_event ev[EVENTS];
	bool was_blocked = v->blocked;
	int i, n, ret = 0;

	n = epoll_wait(v->epoll, ev, EVENTS, has_words(v) ? 0 : ms);
	for (i = 0; i < n && !ret; i++) {
		switch ((uint32_t)ev[i].data.u64) {
		case EV_PACKETS:
			if (ev[i].events & EPOLLOUT)
				v->blocked = false;
			if (ev[i].events & EPOLLIN)
				ret = hear(v);
			else if (ev[i].events & (EPOLLHUP | EPOLLERR))
				ret = -EPIPE;
			ret = min_t(int, ret, 0);
			break;
		case EV_CONTROL:
			ret = take_dialled(v);
			break;
		case EV_LISTENER:
			host_accept(v);
			break;
		default:
			conn_events(v, &ev[i]);
		}
	}
	if (!ret && !v->blocked)
		ret = min_t(int, speak(v), 0);
	rearm(v, &was_blocked);
	return ret;
}
