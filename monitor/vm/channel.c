// SPDX-License-Identifier: GPL-2.0-or-later
#include "vm/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fds {
	int fd[CHANNEL_FDS_MAX];
	unsigned int nr;
	bool more;			/* there were, and the host has closed those */
};

static void take_fds(struct msghdr *msg, struct fds *fds)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	*fds = (struct fds){ .more = msg->msg_flags & MSG_CTRUNC };
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len > CMSG_LEN(sizeof(fds->fd)))
		return;
	fds->nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds->fd, CMSG_DATA(c), fds->nr * sizeof(int));
}

static void close_fds(const struct fds *fds)
{
	unsigned int i;

	for (i = 0; i < fds->nr; i++)
		close(fds->fd[i]);
}

static int run(const struct channel_op *ops, size_t nr_ops, void *ctx, const void *message, size_t len, const struct fds *fds,
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
	else if (fds->more || fds->nr < op->min_fds || fds->nr > op->max_fds)
		ret = -EBADF;
	else
		return op->run(ctx, head + 1, answer + 1, fds->fd, fds->nr);
	close_fds(fds);
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
		char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { &request, sizeof(request) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		/* Not CMSG_SPACE(), which may have room for one more. */
		.msg_controllen = CMSG_LEN(CHANNEL_FDS_MAX * sizeof(int)) };
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct fds fds;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	take_fds(&msg, &fds);
	if (n < (ssize_t)sizeof(request.head)) {
		close_fds(&fds);
		return false;
	}
	memset(&answer, 0, sizeof(answer));
	answer.head.id = request.head.id;
	answer.head.status = run(ops, nr_ops, ctx, &request, n, &fds, &answer.head);
	answer.head.size = sizeof(answer.head) + (answer.head.status ? 0 : ops[request.head.op].answer);
	iov = (struct iovec){ &answer, answer.head.size };
	msg = (struct msghdr){ .msg_iov = &iov, .msg_iovlen = 1 };
	/* Who asks more than it reads answers of has none. */
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN || errno == EINTR;
}
