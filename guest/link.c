// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "link.h"

#define IN_SIZE		(R3_AGENT_DATA_MAX + 65536)
/* Data is produced only while less than this is queued. */
#define OUT_LOW		R3_AGENT_DATA_MAX
/* A host that asks for answers and never reads them ends the link. */
#define OUT_LIMIT	(1024 * 1024)

int link_init(struct link *link, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	memset(link, 0, sizeof(*link));
	link->fd = fd;
	if (flags < 0 || fstat(fd, &st) < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	link->is_port = S_ISCHR(st.st_mode);
	link->in_cap = IN_SIZE;
	link->out_cap = 2 * OUT_LOW + 4096;
	link->in = malloc(link->in_cap);
	link->out = malloc(link->out_cap);
	if (!link->in || !link->out) {
		link_free(link);
		return -ENOMEM;
	}
	return 0;
}

void link_free(struct link *link)
{
	free(link->in);
	free(link->out);
	link->in = NULL;
	link->out = NULL;
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

static size_t payload_max(uint16_t type)
{
	switch (type) {
	case R3_FRAME_RUN:
		return R3_AGENT_FRAME_MAX;
	case R3_FRAME_STDIN:
		return R3_AGENT_DATA_MAX;
	default:
		return R3_AGENT_SMALL_MAX;
	}
}

/* A RUN frame may be larger than the buffer; it has passed payload_max(). */
static bool make_room(struct link *link)
{
	struct r3_frame frame;
	size_t need;
	uint8_t *bigger;

	if (link->in_len < sizeof(frame))
		return true;
	memcpy(&frame, link->in, sizeof(frame));
	need = sizeof(frame) + frame.len;
	if (frame.len > payload_max(frame.type) || need <= link->in_cap)
		return true;
	bigger = realloc(link->in, need);
	if (!bigger) {
		link->broken = "out of memory";
		return false;
	}
	link->in = bigger;
	link->in_cap = need;
	return true;
}

void link_fill(struct link *link)
{
	ssize_t n;

	if (link->broken || !make_room(link))
		return;
	while (link->in_len < link->in_cap) {
		n = read(link->fd, link->in + link->in_len, link->in_cap - link->in_len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			link->broken = "the port cannot be read";
			return;
		}
		if (n == 0) {
			link->hangup = true;
			if (!link->is_port)
				link->broken = "the host is gone";
			return;
		}
		link->hangup = false;
		link->in_len += n;
	}
}

bool link_next(struct link *link, size_t *pos, struct r3_frame *frame, const uint8_t **payload)
{
	if (link->broken || link->in_len - *pos < sizeof(*frame))
		return false;
	memcpy(frame, link->in + *pos, sizeof(*frame));
	if (frame->len > payload_max(frame->type)) {
		link->broken = "the host sent a frame that is too long";
		return false;
	}
	if (link->in_len - *pos - sizeof(*frame) < frame->len)
		return false;
	*payload = link->in + *pos + sizeof(*frame);
	*pos += sizeof(*frame) + frame->len;
	return true;
}

void link_consume(struct link *link, size_t pos)
{
	if (!pos)
		return;
	link->in_len -= pos;
	memmove(link->in, link->in + pos, link->in_len);
	if (link->in_cap > IN_SIZE && link->in_len <= IN_SIZE) {
		uint8_t *smaller = realloc(link->in, IN_SIZE);

		if (smaller) {
			link->in = smaller;
			link->in_cap = IN_SIZE;
		}
	}
}

static bool out_room(struct link *link, size_t need)
{
	uint8_t *bigger;
	size_t cap = link->out_cap;

	if (link->out_start) {
		link->out_len -= link->out_start;
		memmove(link->out, link->out + link->out_start, link->out_len);
		link->out_start = 0;
	}
	if (cap - link->out_len >= need)
		return true;
	if (link->out_len + need > OUT_LIMIT) {
		link->broken = "the host does not read its answers";
		return false;
	}
	while (cap - link->out_len < need)
		cap *= 2;
	bigger = realloc(link->out, cap);
	if (!bigger) {
		link->broken = "out of memory";
		return false;
	}
	link->out = bigger;
	link->out_cap = cap;
	return true;
}

void link_send(struct link *link, uint16_t type, uint16_t session, const void *payload, size_t len)
{
	struct r3_frame frame = { .len = len, .type = type, .session = session };

	if (link->broken)
		return;
	if (link->out_cap - link->out_len < sizeof(frame) + len &&
	    !out_room(link, sizeof(frame) + len))
		return;
	memcpy(link->out + link->out_len, &frame, sizeof(frame));
	if (len)
		memcpy(link->out + link->out_len + sizeof(frame), payload, len);
	link->out_len += sizeof(frame) + len;
}

uint8_t *link_reserve(struct link *link, size_t len)
{
	size_t need = sizeof(struct r3_frame) + len;

	if (link->broken || link_queued(link) >= OUT_LOW)
		return NULL;
	if (link->out_cap - link->out_len < need && !out_room(link, need))
		return NULL;
	return link->out + link->out_len + sizeof(struct r3_frame);
}

void link_commit(struct link *link, uint16_t type, uint16_t session, size_t len)
{
	struct r3_frame frame = { .len = len, .type = type, .session = session };

	memcpy(link->out + link->out_len, &frame, sizeof(frame));
	link->out_len += sizeof(frame) + len;
}

void link_flush(struct link *link)
{
	ssize_t n;

	while (!link->broken && link_queued(link)) {
		n = write(link->fd, link->out + link->out_start, link_queued(link));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			link->broken = "the port cannot be written";
			return;
		}
		link->out_start += n;
	}
	if (!link_queued(link)) {
		link->out_start = 0;
		link->out_len = 0;
	}
}
