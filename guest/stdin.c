// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stream towards a command: written as far as the command reads, the rest
 * queued. Credit and queue together are never more than the window.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "session.h"

/* The host may send n bytes more, in grains that keep the frames few. */
static void in_consumed(struct session *s, uint32_t n)
{
	struct r3_agent_credit credit = { .stream = R3_FRAME_STDIN };

	s->in_owed += n;
	if (s->in_owed < SESSION_WINDOW / 4)
		return;
	credit.bytes = s->in_owed;
	s->in_credit += s->in_owed;
	s->in_owed = 0;
	link_send(s->link, R3_FRAME_CREDIT, s->id, &credit, sizeof(credit));
}

void session_in_close(struct session *s, bool tell)
{
	uint32_t stream = R3_FRAME_STDIN;

	if (s->in_fd < 0)
		return;
	close_fd(&s->in_fd);
	in_consumed(s, s->in_queued);
	s->in_queued = 0;
	free(s->in_buf);
	s->in_buf = NULL;
	if (tell)
		link_send(s->link, R3_FRAME_CLOSE, s->id, &stream, sizeof(stream));
}

/* Writes to the command. Returns bytes taken; closes the stream on an error. */
static size_t in_write(struct session *s, const uint8_t *data, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = write(s->in_fd, data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			session_in_close(s, true);
			return len;
		}
		done += n;
	}
	return done;
}

static void in_end(struct session *s)
{
	struct termios tio;
	char eof = 4;

	if (!s->pty) {
		session_in_close(s, false);
		return;
	}
	/* The master stays open: type what the terminal takes for an end. */
	if (!tcgetattr(s->slave, &tio) && tio.c_cc[VEOF])
		eof = tio.c_cc[VEOF];
	if (write(s->in_fd, &eof, 1) < 0 && errno == EAGAIN)
		return;
	session_in_close(s, false);
}

void session_in_flush(struct session *s)
{
	while (s->in_fd >= 0 && s->in_queued) {
		uint32_t start = (s->in_head - s->in_queued) % SESSION_WINDOW;
		uint32_t len = s->in_queued;
		size_t n;

		if (len > SESSION_WINDOW - start)
			len = SESSION_WINDOW - start;
		n = in_write(s, s->in_buf + start, len);
		if (s->in_fd < 0)
			return;
		s->in_queued -= n;
		in_consumed(s, n);
		if (n < len)
			return;
	}
	if (s->in_fd >= 0 && s->in_eof)
		in_end(s);
}

const char *session_in_data(struct session *s, const uint8_t *data, size_t len)
{
	size_t n;

	if (len > s->in_credit)
		return "the host sent more than it was granted";
	s->in_credit -= len;
	if (s->in_fd < 0 || s->in_eof) {
		in_consumed(s, len);
		return NULL;
	}
	if (!len) {
		s->in_eof = true;
		session_in_flush(s);
		return NULL;
	}
	if (!s->in_queued) {
		n = in_write(s, data, len);
		in_consumed(s, n);
		if (s->in_fd < 0)
			return NULL;
		data += n;
		len -= n;
	}
	if (!len)
		return NULL;
	if (!s->in_buf)
		s->in_buf = malloc(SESSION_WINDOW);
	if (!s->in_buf) {
		session_in_close(s, true);
		return NULL;
	}
	/* Credit and queue together never exceed the window. */
	while (len) {
		uint32_t head = s->in_head % SESSION_WINDOW;

		n = len < SESSION_WINDOW - head ? len : SESSION_WINDOW - head;
		memcpy(s->in_buf + head, data, n);
		s->in_head += n;
		s->in_queued += n;
		data += n;
		len -= n;
	}
	return NULL;
}
