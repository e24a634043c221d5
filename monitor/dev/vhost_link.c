// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation
 *
 * The back end is another process, which may lie, fall silent or end in the middle of
 * a message. So no call here waits on the socket itself: each moves what can be moved
 * now (MSG_DONTWAIT) and waits with poll() until the exchange's time is over. An answer
 * is the answer to the question that was just asked and has the one length that it can
 * have, or the link is dead.
 *
 * Descriptors are never taken: what is received by recv() brings none, the host closes
 * those that a back end sends. The jail has no other call for it.
 *
 * A device that comes while the guest runs is behind `ring3 run`, which passes on what is
 * said (cli/vrelay.c). Its thread knew no socket when its list of system calls was
 * closed, so it has read and write alone, and the descriptors that go along are known at the other side.
 */
#include "dev/vhost_link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

void vhost_link_within(struct vhost_link *link, int ms)
{
	link->until = now_ms() + ms;
}

void vhost_link_end(struct vhost_link *link, const char *why)
{
	static struct vhost_user_header over;

	if (link->dead)
		return;
	link->dead = why;
	if (!link->passed_on)
		shutdown(link->fd, SHUT_RDWR);
	/* Who passes it on hangs up then; and is gone, if it cannot be told. */
	else if (writev(link->fd, &(struct iovec){ &over, sizeof(over) }, 1) < 0)
		return;
}

static int fail(struct vhost_link *link, const char *why)
{
	vhost_link_end(link, why);
	return -EIO;
}

static int has_closed(struct vhost_link *link)
{
	link->closed = !link->dead;
	return fail(link, "has closed the connection");
}

/* Waits for @events. */
static int wait_for(struct vhost_link *link, short events)
{
	struct pollfd pfd = { .fd = link->fd, .events = events };
	int64_t left;

	for (;;) {
		left = link->until - now_ms();
		if (left <= 0)
			return fail(link, "does not answer");
		if (poll(&pfd, 1, left) > 0)
			return 0;
	}
}

static int no_way(struct vhost_link *link, int error)
{
	if (error == EAGAIN || error == EINTR)
		return 0;
	return error == EPIPE || error == ECONNRESET ? has_closed(link) : fail(link, strerror(error));
}

static int send_all(struct vhost_link *link, struct iovec *iov, int nr, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = nr };
	ssize_t n;

	if (fd >= 0 && !link->passed_on) {
		struct cmsghdr *c = &control.align;

		memset(&control, 0, sizeof(control));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.buf);
	}
	for (;;) {
		n = link->passed_on ? writev(link->fd, msg.msg_iov, msg.msg_iovlen) : sendmsg(link->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0) {
			if (no_way(link, errno) || wait_for(link, POLLOUT))
				return -EIO;
			continue;
		}
		/* The descriptor went with the first byte. */
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
		while (msg.msg_iovlen && (size_t)n >= msg.msg_iov->iov_len) {
			n -= msg.msg_iov->iov_len;
			msg.msg_iov++;
			msg.msg_iovlen--;
		}
		if (!msg.msg_iovlen)
			return 0;
		msg.msg_iov->iov_base = (char *)msg.msg_iov->iov_base + n;
		msg.msg_iov->iov_len -= n;
	}
}

static ssize_t receive(struct vhost_link *link, void *buf, size_t len)
{
	struct iovec iov = { buf, len };

	return link->passed_on ? readv(link->fd, &iov, 1) : recv(link->fd, buf, len, MSG_DONTWAIT);
}

static int receive_all(struct vhost_link *link, void *buf, size_t len)
{
	size_t have = 0;

	while (have < len) {
		ssize_t n = receive(link, (char *)buf + have, len - have);

		if (!n)
			return has_closed(link);
		if (n < 0) {
			if (no_way(link, errno) || wait_for(link, POLLIN))
				return -EIO;
			continue;
		}
		have += n;
	}
	return 0;
}

static int request(struct vhost_link *link, uint32_t what, uint32_t flags, const void *payload, uint32_t size, int fd)
{
	struct vhost_user_header h = { what, VHOST_USER_VERSION | flags, size };
	struct iovec iov[2] = { { &h, sizeof(h) }, { (void *)payload, size } };

	if (link->dead)
		return -EIO;
	return send_all(link, iov, size ? 2 : 1, fd);
}

static int answer(struct vhost_link *link, uint32_t what, void *buf, uint32_t size)
{
	struct vhost_user_header h;

	if (receive_all(link, &h, sizeof(h)))
		return -EIO;
	if (h.request != what || (h.flags & (VHOST_USER_VERSION_MASK | VHOST_USER_REPLY)) !=
	    (VHOST_USER_VERSION | VHOST_USER_REPLY))
		return fail(link, "answered something else than it was asked");
	if (h.size != size)
		return fail(link, h.size ? "sent an answer of a wrong length" : "refused a request");
	return receive_all(link, buf, size);
}

int vhost_link_tell(struct vhost_link *link, uint32_t what, const void *payload, uint32_t size, int fd)
{
	uint64_t error;

	if (request(link, what, link->acks ? VHOST_USER_NEED_REPLY : 0, payload, size, fd))
		return -EIO;
	if (!link->acks)
		return 0;
	if (answer(link, what, &error, sizeof(error)))
		return -EIO;
	return error ? fail(link, "refused a request") : 0;
}

int vhost_link_ask(struct vhost_link *link, uint32_t what, const void *payload, uint32_t size,
		   void *buf, uint32_t answer_size)
{
	uint8_t copy[VHOST_LINK_PAYLOAD_MAX];

	if (request(link, what, 0, payload, size, -1) || answer(link, what, copy, answer_size))
		return -EIO;
	memcpy(buf, copy, answer_size);
	return 0;
}

void vhost_link_unasked(struct vhost_link *link)
{
	char byte;
	ssize_t n;

	if (link->dead)
		return;
	n = receive(link, &byte, sizeof(byte));
	if (n < 0)
		no_way(link, errno);
	else if (n)
		fail(link, "said something that it was not asked");
	else
		has_closed(link);
}
