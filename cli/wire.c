// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* Handles the frames in the buffer. Stops when paused by one of them. */
static void dispatch(struct wire *wire)
{
	const uint8_t *payload;
	struct r3_frame frame;
	const char *wrong;

	if (wire->busy)
		return;
	wire->busy = true;
	while (!wire->broken && !wire->paused && frames_next(&wire->frames, &frame, &payload)) {
		wrong = wire->frame(wire->ctx, &frame, payload);
		if (wrong)
			end(wire, wrong);
	}
	if (wire->frames.broken)
		end(wire, wire->frames.broken);
	wire->busy = false;
}

/* Returns true if there may be more to read. */
static bool fill(struct wire *wire)
{
	bool gone = false;
	uint8_t *room;
	size_t len;
	ssize_t n;

	/* A frame in the buffer is being looked at. */
	if (wire->busy)
		return false;
	for (;;) {
		room = frames_room(&wire->frames, &len);
		if (!len)
			break;
		n = read(wire->fd, room, len);
		if (n > 0) {
			frames_filled(&wire->frames, n);
		} else if (n == 0 || errno != EINTR) {
			gone = n == 0 || errno != EAGAIN;
			break;
		}
	}
	dispatch(wire);
	if (gone)
		end(wire, "it closed the connection");
	return !len;
}

static void flush(struct wire *wire)
{
	const uint8_t *data;
	size_t len;
	ssize_t n;

	while (!wire->broken && !wire->deaf) {
		data = frames_queue(&wire->frames, &len);
		if (!len)
			break;
		n = send(wire->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		wire->deaf = n <= 0;
		frames_written(&wire->frames, wire->deaf ? len : (size_t)n);
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
	int flags = fcntl(fd, F_GETFL), ret;

	wire->loop = loop;
	wire->fd = fd;
	loop_watch(loop, &wire->watch, fd, POLLIN, ready, wire);
	ret = frames_init(&wire->frames, wire->from_host, IN_SIZE, OUT_LIMIT);
	if (!ret && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
		ret = -errno;
	if (ret)
		wire_close(wire);
	return ret;
}

void wire_close(struct wire *wire)
{
	if (!wire->loop)
		return;
	loop_unwatch(wire->loop, &wire->watch);
	if (wire->fd >= 0)
		close(wire->fd);
	frames_free(&wire->frames);
	*wire = (struct wire){ .fd = -1, .broken = "it was closed" };
}

static void sent(struct wire *wire)
{
	if (wire->frames.broken)
		end(wire, wire->frames.broken);
	flush(wire);
	if (!wire->broken)
		update(wire);
}

void wire_send(struct wire *wire, uint16_t type, uint16_t session, const void *payload, size_t len)
{
	if (wire->broken || wire->deaf)
		return;
	frames_put(&wire->frames, type, session, payload, len);
	sent(wire);
}

uint8_t *wire_reserve(struct wire *wire, size_t len)
{
	uint8_t *room = NULL;

	if (!wire->broken && !wire->deaf)
		room = frames_reserve(&wire->frames, len);
	if (wire->frames.broken)
		end(wire, wire->frames.broken);
	return room;
}

void wire_commit(struct wire *wire, uint16_t type, uint16_t session, size_t len)
{
	frames_commit(&wire->frames, type, session, len);
	sent(wire);
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
