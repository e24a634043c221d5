// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mutation.h"
#include "wire.h"

#define IN_SIZE		(4 * (R3_AGENT_DATA_MAX + sizeof(struct r3_frame)))
#define OUT_LIMIT	(4 * 1024 * 1024)

static void update(struct wire *wire)
{
	wire->watch.events = (wire->paused ? 0 : POLLIN) | (wire_queued(wire) ? POLLOUT : 0);
}

static void end(struct wire *wire, const char *why)
{
	if (wire->broken)
		return;
	wire->broken = why;
	loop_unwatch(wire->loop, &wire->watch);
	if (wire->ended)
		wire->ended(wire->ctx, why);
}

static size_t payload_max(const struct wire *wire, uint16_t type)
{
	switch (type) {
	case R3_FRAME_RUN:
		return wire->from_host ? R3_AGENT_FRAME_MAX : 0;
	case R3_FRAME_STDIN:
	case R3_FRAME_STDOUT:
	case R3_FRAME_STDERR:
		return R3_AGENT_DATA_MAX;
	default:
		return R3_AGENT_SMALL_MAX;
	}
}

static bool grow(uint8_t **buf, size_t *cap, size_t need)
{
	uint8_t *bigger;

	if (need <= *cap)
		return true;
	bigger = realloc(*buf, need);
	if (!bigger)
		return false;
	*buf = bigger;
	*cap = need;
	return true;
}

/* Handles the frames in the buffer. Stops when paused by one of them. */
static void dispatch(struct wire *wire)
{
	struct r3_frame frame;
	const char *wrong;
	size_t pos = 0;

	if (wire->busy)
		return;
	wire->busy = true;
	while (!wire->broken && !wire->paused && wire->in_len - pos >= sizeof(frame)) {
		memcpy(&frame, wire->in + pos, sizeof(frame));
		if (frame.len > payload_max(wire, frame.type) && !MUTATION_AGENT_LENGTH) {
			end(wire, "it sent a frame that is too long");
			break;
		}
		if (wire->in_len - pos - sizeof(frame) < frame.len) {
			if (!grow(&wire->in, &wire->in_cap, sizeof(frame) + frame.len))
				end(wire, "out of memory");
			break;
		}
		wrong = wire->frame(wire->ctx, &frame, wire->in + pos + sizeof(frame));
		pos += sizeof(frame) + frame.len;
		if (wrong)
			end(wire, wrong);
	}
	if (pos && !wire->broken) {
		wire->in_len -= pos;
		memmove(wire->in, wire->in + pos, wire->in_len);
	}
	wire->busy = false;
}

/* Returns true if there may be more to read. */
static bool fill(struct wire *wire)
{
	bool gone = false, full;
	ssize_t n = 0;

	while (wire->in_len < wire->in_cap) {
		n = read(wire->fd, wire->in + wire->in_len, wire->in_cap - wire->in_len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		wire->in_len += n;
	}
	full = wire->in_len == wire->in_cap;
	if (n == 0 || (n < 0 && errno != EAGAIN))
		gone = !full;
	dispatch(wire);
	if (gone)
		end(wire, "it closed the connection");
	return full;
}

static void flush(struct wire *wire)
{
	ssize_t n;

	while (!wire->broken && wire_queued(wire)) {
		n = send(wire->fd, wire->out + wire->out_start, wire_queued(wire),
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			wire->deaf = true;
			wire->out_start = wire->out_len;
			break;
		}
		wire->out_start += n;
	}
	if (!wire_queued(wire)) {
		wire->out_start = 0;
		wire->out_len = 0;
	}
}

static void ready(void *ctx, short revents)
{
	struct wire *wire = ctx;

	if (revents & POLLOUT) {
		flush(wire);
		if (!wire->broken && wire->drained && wire_queued(wire) < WIRE_LOW)
			wire->drained(wire->ctx);
	}
	if (!wire->broken && !wire->paused && revents & (POLLIN | POLLHUP | POLLERR))
		fill(wire);
	else if (!wire->broken && wire->paused && revents & (POLLHUP | POLLERR))
		end(wire, "it closed the connection");
	if (!wire->broken)
		update(wire);
}

int wire_open(struct wire *wire, struct loop *loop, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	wire->loop = loop;
	wire->fd = fd;
	wire->in_cap = IN_SIZE;
	wire->out_cap = 2 * WIRE_LOW + 4096;
	wire->in = malloc(wire->in_cap);
	wire->out = malloc(wire->out_cap);
	loop_watch(loop, &wire->watch, fd, POLLIN, ready, wire);
	if (!wire->in || !wire->out || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		int ret = wire->in && wire->out ? -errno : -ENOMEM;

		wire_close(wire);
		return ret;
	}
	return 0;
}

void wire_close(struct wire *wire)
{
	if (!wire->loop)
		return;
	loop_unwatch(wire->loop, &wire->watch);
	if (wire->fd >= 0)
		close(wire->fd);
	free(wire->in);
	free(wire->out);
	*wire = (struct wire){ .fd = -1, .broken = "it was closed" };
}

static bool out_room(struct wire *wire, size_t need)
{
	if (wire->out_cap - wire->out_len >= need)
		return true;
	wire->out_len -= wire->out_start;
	memmove(wire->out, wire->out + wire->out_start, wire->out_len);
	wire->out_start = 0;
	if (wire->out_len + need > OUT_LIMIT) {
		end(wire, "it does not read what it is sent");
		return false;
	}
	if (!grow(&wire->out, &wire->out_cap, wire->out_len + need)) {
		end(wire, "out of memory");
		return false;
	}
	return true;
}

void wire_send(struct wire *wire, uint16_t type, uint16_t session, const void *payload, size_t len)
{
	if (wire->broken || wire->deaf || !out_room(wire, sizeof(struct r3_frame) + len))
		return;
	if (len)
		memcpy(wire->out + wire->out_len + sizeof(struct r3_frame), payload, len);
	wire_commit(wire, type, session, len);
}

uint8_t *wire_reserve(struct wire *wire, size_t len)
{
	size_t need = sizeof(struct r3_frame) + len;

	if (wire->broken || wire->deaf || wire_queued(wire) >= WIRE_LOW || !out_room(wire, need))
		return NULL;
	return wire->out + wire->out_len + sizeof(struct r3_frame);
}

void wire_commit(struct wire *wire, uint16_t type, uint16_t session, size_t len)
{
	struct r3_frame frame = { .len = len, .type = type, .session = session };

	memcpy(wire->out + wire->out_len, &frame, sizeof(frame));
	wire->out_len += sizeof(frame) + len;
	flush(wire);
	if (!wire->broken)
		update(wire);
}

void wire_pause(struct wire *wire, bool paused)
{
	if (wire->broken || wire->paused == paused)
		return;
	wire->paused = paused;
	if (!paused)
		dispatch(wire);
	if (!wire->broken)
		update(wire);
}

void wire_drain(struct wire *wire)
{
	while (!wire->broken && !wire->paused && fill(wire))
		;
}
