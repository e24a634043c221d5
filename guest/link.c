// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "link.h"

#define IN_SIZE		(R3_AGENT_DATA_MAX + 65536)
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
	return frames_init(&link->frames, true, IN_SIZE, OUT_LIMIT);
}

void link_free(struct link *link)
{
	frames_free(&link->frames);
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

void link_fill(struct link *link)
{
	uint8_t *room;
	size_t len;
	ssize_t n;

	for (;;) {
		room = frames_room(&link->frames, &len);
		if (!len)
			return;
		n = read(link->fd, room, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			link->frames.broken = "the port cannot be read";
			return;
		}
		if (n == 0) {
			link->hangup = true;
			if (!link->is_port)
				link->frames.broken = "the host is gone";
			return;
		}
		link->hangup = false;
		frames_filled(&link->frames, n);
	}
}

void link_send(struct link *link, uint16_t type, uint16_t session, const void *payload, size_t len)
{
	frames_put(&link->frames, type, session, payload, len);
}

void link_flush(struct link *link)
{
	const uint8_t *data;
	size_t len;
	ssize_t n;

	while (!link->frames.broken) {
		data = frames_queue(&link->frames, &len);
		if (!len)
			return;
		n = write(link->fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			link->frames.broken = "the port cannot be written";
			return;
		}
		frames_written(&link->frames, n);
	}
}
