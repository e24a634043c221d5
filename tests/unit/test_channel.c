// SPDX-License-Identifier: GPL-2.0-or-later
/* The monitor's side of the control channel: requests of wrong sizes, numbers and descriptors. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fds.h"
#include "tap.h"
#include "vm/channel.h"

static int taken;			/* calls of an operation */

static int plain(void *ctx, const void *request, void *answer, const int *fd, unsigned int nr_fds)
{
	taken++;
	memcpy(answer, request, 4);
	return 0;
}

static int failing(void *ctx, const void *request, void *answer, const int *fd, unsigned int nr_fds)
{
	memset(answer, 'x', 8);
	return -EIO;
}

static int with_fd(void *ctx, const void *request, void *answer, const int *fd, unsigned int nr_fds)
{
	taken++;
	while (nr_fds)
		close(fd[--nr_fds]);
	return 0;
}

static const struct channel_op ops[] = {
	[1] = { 8, 8, 0, 0, plain },
	[2] = { 0, 8, 0, 0, failing },
	[4] = { 0, 0, 1, 1, with_fd },
	[5] = { 0, 0, 3, CHANNEL_FDS_MAX, with_fd },
};

#define NR_OPS	(sizeof(ops) / sizeof(ops[0]))

static int sock[2];

static void send_with(const void *data, size_t len, int nr_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(40 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[40] = { 0 };

	if (nr_fds) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		*CMSG_FIRSTHDR(&msg) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(nr_fds * sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, nr_fds * sizeof(int));
	}
	if (sendmsg(sock[0], &msg, 0) < 0)
		tap_bail("sendmsg: %s", strerror(errno));
}

static void one(const char *what, uint32_t op, size_t size, size_t len, int nr_fds, int status, size_t want)
{
	struct {
		struct channel_request head;
		char body[CHANNEL_REQUEST_MAX];
	} request = { .head = { .size = size, .op = op, .id = 0x123456789abcULL } };
	struct {
		struct channel_answer head;
		char body[CHANNEL_ANSWER_MAX];
	} answer;
	int before = open_files(), was = taken;
	ssize_t n;

	memcpy(request.body, "abcdefgh", 8);
	send_with(&request, len, nr_fds);
	ok(channel_serve(sock[1], ops, NR_OPS, NULL), "%s: the channel goes on", what);
	n = recv(sock[0], &answer, sizeof(answer), MSG_DONTWAIT);
	is(n, want, "%s: one answer of its size", what);
	ok(answer.head.size == want && answer.head.id == request.head.id && answer.head.status == status, "%s: status %d", what, status);
	is(recv(sock[0], &answer, sizeof(answer), MSG_DONTWAIT), -1, "%s: and no other", what);
	is(taken - was, !status, "%s: it is done%s", what, status ? " not" : "");
	is(open_files(), before, "%s: no descriptor is left", what);
}

int main(void)
{
	const size_t head = sizeof(struct channel_request), answer = sizeof(struct channel_answer);
	char bytes[4] = "";

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock))
		tap_bail("socketpair: %s", strerror(errno));
	one("as it is meant", 1, head + 8, head + 8, 0, 0, answer + 8);
	one("with a descriptor", 4, head, head, 1, 0, answer);
	one("an operation that fails", 2, head, head, 0, -EIO, answer);
	one("no such operation", 3, head, head, 0, -ENOSYS, answer);
	one("operation 0", 0, head, head, 0, -ENOSYS, answer);
	one("a number beyond the table", 6, head, head, 0, -ENOSYS, answer);
	one("a number far beyond it", ~0U, head, head, 0, -ENOSYS, answer);
	one("too short", 1, head + 4, head + 4, 0, -EMSGSIZE, answer);
	one("too long", 1, head + 16, head + 16, 0, -EMSGSIZE, answer);
	one("another size than it says", 1, head + 8, head + 16, 0, -EMSGSIZE, answer);
	one("longer than any", 1, CHANNEL_REQUEST_MAX + 8, CHANNEL_REQUEST_MAX + 8, 0, -EMSGSIZE, answer);
	one("a descriptor that is not wanted", 1, head + 8, head + 8, 1, -EBADF, answer);
	one("no descriptor", 4, head, head, 0, -EBADF, answer);
	one("two of them", 4, head, head, 2, -EBADF, answer);
	one("as few as it takes", 5, head, head, 3, 0, answer);
	one("as many", 5, head, head, CHANNEL_FDS_MAX, 0, answer);
	one("too few of them", 5, head, head, 2, -EBADF, answer);
	one("one too many", 5, head, head, CHANNEL_FDS_MAX + 1, -EBADF, answer);
	one("far too many", 5, head, head, 40, -EBADF, answer);
	one("as many for who takes one", 4, head, head, CHANNEL_FDS_MAX, -EBADF, answer);
	one("descriptors for no operation", 3, head, head, CHANNEL_FDS_MAX, -ENOSYS, answer);
	one("a descriptor for no operation", 3, head, head, 1, -ENOSYS, answer);
	ok(channel_serve(sock[1], ops, NR_OPS, NULL), "nothing to do is no end");
	send_with(bytes, sizeof(bytes), 1);
	ok(!channel_serve(sock[1], ops, NR_OPS, NULL), "what is no request ends the channel");
	close(sock[0]);
	ok(!channel_serve(sock[1], ops, NR_OPS, NULL), "so does the other side's end");
	return tap_done();
}
