// SPDX-License-Identifier: GPL-2.0-or-later
/* What goes between a command and who uses it: frames, windows, waiting. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/util.h"
#include "flow.h"
#include "runframe.h"

/* ---- frames ---- */

static void flush(struct ring3_command *c)
{
	const uint8_t *data;
	size_t len;
	ssize_t n;

	while (!c->lost) {
		data = frames_queue(&c->frames, &len);
		if (!len)
			return;
		n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		/* What it sent before it went can be read still. */
		frames_written(&c->frames, n < 0 ? len : (size_t)n);
	}
	if (c->moving)
		event_post(c->wake);
}

void command_put(struct ring3_command *c, uint16_t type, const void *payload, size_t len)
{
	if (c->lost || c->over)
		return;
	if (!frames_put(&c->frames, type, c->id, payload, len))
		c->lost = c->frames.broken;
	flush(c);
}

static const char *take_data(struct stream *s, const uint8_t *data, size_t len)
{
	if (len > s->granted)
		return "the guest sent more than it was granted";
	if (len && !s->buf)
		s->buf = malloc(SESSION_WINDOW);
	if (len && !s->buf)
		return "out of memory";
	s->granted -= len;
	/* What is granted, queued and owed never exceed the window together. */
	while (len) {
		uint32_t head = s->head % SESSION_WINDOW;
		size_t n = min_t(size_t, len, SESSION_WINDOW - head);

		memcpy(s->buf + head, data, n);
		s->head += n;
		s->queued += n;
		data += n;
		len -= n;
	}
	return NULL;
}

static const char *take_frame(struct ring3_command *c, const struct r3_frame *frame, const uint8_t *payload)
{
	struct r3_agent_credit credit;

	if (frame->session != c->id)
		return "the guest sent a frame of another command";
	if (c->over)
		return "the guest sent something after a command's end";
	switch (frame->type) {
	case R3_FRAME_STARTED:
		return NULL;
	case R3_FRAME_STDOUT:
	case R3_FRAME_STDERR:
		return take_data(&c->stream[frame->type == R3_FRAME_STDERR], payload, frame->len);
	case R3_FRAME_CREDIT:
		memcpy(&credit, payload, sizeof(credit));
		if (credit.stream != R3_FRAME_STDIN || credit.bytes > R3_AGENT_WINDOW_MAX - c->credit)
			return "the guest sent a grant that makes no sense";
		c->credit += credit.bytes;
		return NULL;
	case R3_FRAME_CLOSE:
		c->in_refused = true;
		return NULL;
	case R3_FRAME_EXIT:
		c->status = runframe_exit(payload);
		c->over = true;
		return NULL;
	case R3_FRAME_ERROR:
		c->status = runframe_error(payload, frame->len, c->why, sizeof(c->why));
		c->over = c->never = true;
		return NULL;
	}
	return "the guest sent a frame of an unknown type";
}

/* All that is there, as far as one turn of the buffer goes. */
static void fill(struct ring3_command *c)
{
	const uint8_t *payload;
	struct r3_frame frame;
	uint8_t *room;
	size_t len;
	ssize_t n;

	room = frames_room(&c->frames, &len);
	n = len ? recv(c->fd, room, len, MSG_DONTWAIT) : 0;
	if (n > 0)
		frames_filled(&c->frames, n);
	while (!c->lost && frames_next(&c->frames, &frame, &payload))
		c->lost = take_frame(c, &frame, payload);
	if (c->frames.broken)
		c->lost = c->frames.broken;
	if (!c->lost && !c->over && (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)))
		c->lost = "the guest ended before the command did";
}

/* ---- waiting ---- */

static void times_of(int64_t until, struct timespec *ts)
{
	*ts = (struct timespec){ until / 1000, until % 1000 * 1000000 };
}

/* With the lock, which is not held meanwhile. */
int command_step(struct ring3_command *c, int64_t until)
{
	struct pollfd pfd[2] = { { c->fd, POLLIN }, { c->wake, POLLIN } };
	struct timespec ts;
	int left = inside_left(until), n;

	if (c->lost || c->over)
		return 0;
	if (!left)
		return -ETIMEDOUT;
	if (c->moving) {
		if (until < 0)
			return -pthread_cond_wait(&c->moved, &c->lock);
		times_of(until, &ts);
		return -pthread_cond_timedwait(&c->moved, &c->lock, &ts);
	}
	if (frames_queued(&c->frames))
		pfd[0].events |= POLLOUT;
	c->moving = true;
	pthread_mutex_unlock(&c->lock);
	n = poll(pfd, 2, left);
	pthread_mutex_lock(&c->lock);
	if (n > 0 && pfd[1].revents)
		event_take(c->wake);
	if (n > 0 && pfd[0].revents & (POLLIN | POLLHUP | POLLERR))
		fill(c);
	c->moving = false;
	flush(c);
	pthread_cond_broadcast(&c->moved);
	return n ? 0 : -ETIMEDOUT;
}

/* ---- reading and writing ---- */

static void consumed(struct ring3_command *c, unsigned int nr, uint32_t n)
{
	struct r3_agent_credit credit = { .stream = nr ? R3_FRAME_STDERR : R3_FRAME_STDOUT };
	struct stream *s = &c->stream[nr];

	s->owed += n;
	if (s->owed < SESSION_WINDOW / 4)
		return;
	credit.bytes = s->owed;
	s->granted += s->owed;
	s->owed = 0;
	command_put(c, R3_FRAME_CREDIT, &credit, sizeof(credit));
}

size_t command_take(struct ring3_command *c, int *stream, void *data, size_t size)
{
	unsigned int nr = c->stream[0].queued ? 0 : 1;
	struct stream *s = &c->stream[nr];
	uint32_t start = (s->head - s->queued) % SESSION_WINDOW;
	uint32_t n = min_t(uint64_t, size, min_t(uint32_t, s->queued, SESSION_WINDOW - start));

	if (!n)
		return 0;
	memcpy(data, s->buf + start, n);
	s->queued -= n;
	consumed(c, nr, n);
	*stream = 1 + nr;
	return n;
}

ssize_t command_give(struct ring3_command *c, const void *data, size_t len)
{
	size_t n = min_t(size_t, min_t(size_t, len, c->credit), R3_AGENT_DATA_MAX);

	if (c->in_closed || c->in_refused || c->over || c->lost)
		return -EPIPE;
	if (!n || frames_queued(&c->frames) >= FRAMES_LOW)
		return 0;
	command_put(c, R3_FRAME_STDIN, data, n);
	c->credit -= n;
	return n;
}
