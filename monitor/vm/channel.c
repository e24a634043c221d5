// SPDX-License-Identifier: GPL-2.0-or-later
#include "vm/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY	-2		/* descriptors came, and are closed already */

/* The one that came along, or -1, or MANY. */
static int fd_of(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (!(msg->msg_flags & MSG_CTRUNC))
		return fd;
	if (fd >= 0)
		close(fd);
	return MANY;
}

static int run(const struct channel_op *ops, size_t nr_ops, void *ctx, const void *message, size_t len, int fd,
	       struct channel_answer *answer)
{
	const struct channel_request *head = message;
	const struct channel_op *op = head->op < nr_ops ? &ops[head->op] : NULL;
	int ret;

	if (head->size != len)
		ret = -EMSGSIZE;
	else if (!op || !op->run)
		ret = -ENOSYS;
	else if (len != sizeof(*head) + op->request || sizeof(*answer) + op->answer > CHANNEL_ANSWER_MAX)
		ret = -EMSGSIZE;
	else if (fd == MANY || op->takes_fd != (fd >= 0))
		ret = -EBADF;
	else
		return op->run(ctx, head + 1, answer + 1, fd);
	if (fd >= 0)
		close(fd);
	return ret;
}

bool channel_serve(int fd, const struct channel_op *ops, size_t nr_ops, void *ctx)
{
	/* The main thread's alone; its stack need not have room for them. */
	static union {
		struct channel_request head;
		char bytes[CHANNEL_REQUEST_MAX];
	} request;
	static union {
		struct channel_answer head;
		char bytes[CHANNEL_ANSWER_MAX];
	} answer;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { &request, sizeof(request) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		/* Not CMSG_SPACE(), which has room for a second one. */
		.msg_controllen = CMSG_LEN(sizeof(int)) };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int taken;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	taken = fd_of(&msg);
	if (n < (ssize_t)sizeof(request.head)) {
		if (taken >= 0)
			close(taken);
		return false;
	}
	memset(&answer, 0, sizeof(answer));
	answer.head.id = request.head.id;
	answer.head.status = run(ops, nr_ops, ctx, &request, n, taken, &answer.head);
	answer.head.size = sizeof(answer.head) + (answer.head.status ? 0 : ops[request.head.op].answer);
	iov = (struct iovec){ &answer, answer.head.size };
	msg = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	/* Who asks more than it reads answers of has none. */
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN || errno == EINTR;
}
