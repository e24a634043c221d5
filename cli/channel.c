// SPDX-License-Identifier: GPL-2.0-or-later
#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "message.h"
#include "sendfds.h"

#define GONE		"the guest has ended"
#define CLOSED		"the guest's monitor has closed its control channel"
#define SIZE		"the guest's monitor sent an answer of the wrong size on its control channel, and is not asked any more"
#define UNASKED		"the guest's monitor sent an answer that nobody asked for on its control channel, and is not asked any more"
#define DESCRIPTOR	"the guest's monitor sent a descriptor on its control channel, and is not asked any more"
#define SILENT		"the guest's monitor does not answer; it may be stopped by a debugger or a signal"
#define MANY		"too many requests to the guest's monitor are open already"

static void end_call(struct channel_call *call, int status, const void *answer, const char *why)
{
	struct channel_call was = *call;

	/* First: who is called may ask for the next. */
	call->id = 0;
	was.done(was.ctx, status, answer, why);
}

static void end_all(struct channel *c, int status, const char *why)
{
	size_t i;

	for (i = 0; i < CHANNEL_PENDING; i++)
		if (c->call[i].id)
			end_call(&c->call[i], status, NULL, why);
}

static void hang_up(struct channel *c)
{
	if (c->fd < 0)
		return;
	loop_unwatch(c->loop, &c->watch);
	loop_untimer(c->loop, &c->timer);
	close(c->fd);
	c->fd = -1;
}

/* Of what it says nothing is believed from now on; the guest itself goes on. */
static void break_off(struct channel *c, const char *what)
{
	c->broken = what;
	hang_up(c);
	message("%s", what);
	end_all(c, -EPROTO, what);
}

static void set_timer(struct channel *c)
{
	int64_t due = -1, now = loop_now();
	size_t i;

	for (i = 0; i < CHANNEL_PENDING; i++)
		if (c->call[i].id && (due < 0 || c->call[i].due < due))
			due = c->call[i].due;
	timer_set(&c->timer, due < 0 ? -1 : due > now ? due - now : 0);
}

static void timed_out(void *ctx)
{
	struct channel *c = ctx;
	int64_t now = loop_now();
	size_t i;

	for (i = 0; i < CHANNEL_PENDING && c->fd >= 0; i++)
		if (c->call[i].id && c->call[i].due <= now) {
			c->given_up++;
			end_call(&c->call[i], -ETIMEDOUT, NULL, SILENT);
		}
	if (c->fd >= 0)
		set_timer(c);
}

static struct channel_call *find(struct channel *c, uint64_t id)
{
	size_t i;

	for (i = 0; id && i < CHANNEL_PENDING; i++)
		if (c->call[i].id == id)
			return &c->call[i];
	return NULL;
}

static void take_answer(struct channel *c, const void *message, size_t len)
{
	const struct channel_answer *head = message;
	struct channel_call *call;

	if (len < sizeof(*head) || head->size != len) {
		break_off(c, SIZE);
		return;
	}
	call = find(c, head->id);
	if (!call) {
		/* Late, if there is one that was given up. */
		if (!c->given_up || !head->id || head->id > c->last_id)
			break_off(c, UNASKED);
		else
			c->given_up--;
		return;
	}
	if (len != sizeof(*head) + (head->status ? 0 : call->answer)) {
		break_off(c, SIZE);
		return;
	}
	/* Whatever number it says, it becomes words of ours. */
	if (head->status)
		end_call(call, -EREMOTEIO, NULL, head->status < 0 && head->status > -4096 ? strerror(-head->status) : "it failed");
	else
		end_call(call, 0, head + 1, NULL);
	if (c->fd >= 0)
		set_timer(c);
}

static void channel_ready(void *ctx, short revents)
{
	static union {
		struct channel_answer head;
		char bytes[CHANNEL_ANSWER_MAX];
	} answer;
	struct channel *c = ctx;
	struct iovec iov = { &answer, sizeof(answer) };
	/* No room for descriptors: the host's kernel drops them, and says so. */
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		/* Its process's end, if that is why, says how. */
		c->broken = CLOSED;
		hang_up(c);
		end_all(c, -ECONNRESET, CLOSED);
	} else if (msg.msg_flags & MSG_CTRUNC) {
		break_off(c, DESCRIPTOR);
	} else if (msg.msg_flags & MSG_TRUNC) {
		break_off(c, SIZE);
	} else {
		take_answer(c, &answer, n);
	}
}

void channel_open(struct channel *c, struct loop *loop, int fd)
{
	*c = (struct channel){ .loop = loop, .fd = fd };
	fcntl(fd, F_SETFL, O_NONBLOCK);
	loop_watch(loop, &c->watch, fd, POLLIN, channel_ready, c);
	loop_timer(loop, &c->timer, timed_out, c);
}

int channel_ask_with(struct channel *c, enum channel_op_nr op, const void *request, size_t len, const int *fds, unsigned int nr_fds,
		     size_t answer, channel_done_fn *done, void *ctx, const char **why)
{
	struct {
		struct channel_request head;
		char body[CHANNEL_REQUEST_MAX - sizeof(struct channel_request)];
	} message = { .head = { .size = sizeof(message.head) + len, .op = op } };
	struct channel_call *call = NULL;
	size_t i;
	int ret;

	*why = c->broken ? c->broken : GONE;
	if (c->broken || !c->loop || c->fd < 0)
		return c->broken ? -EPROTO : -ECONNRESET;
	for (i = 0; i < CHANNEL_PENDING && !call; i++)
		if (!c->call[i].id)
			call = &c->call[i];
	*why = MANY;
	if (!call || len > sizeof(message.body))
		return -EBUSY;
	message.head.id = ++c->last_id;
	if (len)
		memcpy(message.body, request, len);
	ret = send_fds(c->fd, &message, message.head.size, fds, nr_fds, MSG_DONTWAIT);
	*why = ret == -EAGAIN ? SILENT : GONE;
	if (ret)
		return ret;
	*call = (struct channel_call){ .id = message.head.id, .answer = answer, .due = loop_now() + CHANNEL_MS, .done = done, .ctx = ctx };
	set_timer(c);
	return 0;
}

void channel_close(struct channel *c)
{
	if (!c->loop)
		return;
	hang_up(c);
	end_all(c, -ECONNRESET, GONE);
	c->loop = NULL;
}
