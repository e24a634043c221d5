// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Live captures in pcapng (draft-ietf-opsawg-pcapng), into a pipe that a client
 * gave us. A capture of one port has what goes both ways; one of all ports has
 * each frame once, where it came in. Frames are as they are on the port's cable,
 * with complete checksums; GSO frames stay whole. What the reader is too slow for
 * is left out and counted in the next frame's block.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"
#include "switch.h"

#define BUFFER_MAX	(4 << 20)
#define BLOCK_ROOM	(FRAME_MAX + 256)

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,

	OPT_END = 0,
	OPT_SECTION_APP = 4,
	OPT_IF_NAME = 2,
	OPT_IF_RESOLUTION = 9,
	OPT_PACKET_FLAGS = 2,
	OPT_PACKET_DROPS = 4,

	LINK_ETHERNET = 1,
};

struct capture {
	struct source source;
	struct sw *sw;
	uint64_t port;			/* its serial, 0: all */
	uint64_t known[PORTS_MAX];	/* serials of ports that have an interface block */
	uint32_t interface[PORTS_MAX];
	uint32_t interfaces;
	uint64_t dropped;		/* since the last block */
	uint8_t *buffer;
	size_t start, end;
};

/* ---- blocks ---- */

static void put(struct capture *c, const void *p, size_t len)
{
	static const uint8_t zeros[4];

	memcpy(c->buffer + c->end, p, len);
	c->end += len;
	memcpy(c->buffer + c->end, zeros, -len & 3);
	c->end += -len & 3;
}

static void put_u32(struct capture *c, uint32_t v)
{
	put(c, &v, sizeof(v));
}

static void option(struct capture *c, uint16_t code, const void *p, uint16_t len)
{
	uint16_t head[2] = { code, len };

	put(c, head, sizeof(head));
	if (len)
		put(c, p, len);
}

static size_t begin(struct capture *c, uint32_t type)
{
	size_t at = c->end;

	put_u32(c, type);
	put_u32(c, 0);
	return at;
}

static void finish(struct capture *c, size_t at)
{
	uint32_t len = c->end - at + 4;

	put_u32(c, len);
	memcpy(c->buffer + at + 4, &len, sizeof(len));
}

static bool has_room(struct capture *c, size_t len)
{
	if (c->start == c->end)
		c->start = c->end = 0;
	if (BUFFER_MAX - c->end < len && c->start) {
		memmove(c->buffer, c->buffer + c->start, c->end - c->start);
		c->end -= c->start;
		c->start = 0;
	}
	return BUFFER_MAX - c->end >= len;
}

static void section(struct capture *c)
{
	static const char app[] = "ring3-switch";
	size_t at = begin(c, BLOCK_SECTION);

	put_u32(c, 0x1a2b3c4d);
	put_u32(c, 1);			/* version 1.0 */
	put_u32(c, ~0U);		/* length: not known */
	put_u32(c, ~0U);
	option(c, OPT_SECTION_APP, app, strlen(app));
	option(c, OPT_END, NULL, 0);
	finish(c, at);
}

static uint32_t interface_of(struct capture *c, const struct port *port)
{
	unsigned int i = port->number - 1;
	static const uint8_t nanoseconds = 9;
	char name[2 * NAME_SIZE + 2];
	size_t at;

	if (c->known[i] == port->serial)
		return c->interface[i];
	c->known[i] = port->serial;
	c->interface[i] = c->interfaces++;
	snprintf(name, sizeof(name), "%s/%s", c->sw->name, port->name);
	at = begin(c, BLOCK_INTERFACE);
	put_u32(c, LINK_ETHERNET);
	put_u32(c, 0);			/* no limit to the length of frames */
	option(c, OPT_IF_NAME, name, strlen(name));
	option(c, OPT_IF_RESOLUTION, &nanoseconds, 1);
	option(c, OPT_END, NULL, 0);
	finish(c, at);
	return c->interface[i];
}

/* The frame as it is on the cable. Return: where its first byte is. */
static void put_frame(struct capture *c, const struct frame *f, const uint8_t *tag)
{
	size_t at = c->end, tagged = tag ? TAG_BYTES : 0, len = f->len + tagged;
	uint8_t *p = c->buffer + at;

	memcpy(p, f->data, 12);
	if (tag)
		memcpy(p + 12, tag, TAG_BYTES);
	memcpy(p + 12 + tagged, f->data + 12, f->len - 12);
	if (f->hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		unsigned int start = le16toh(f->hdr.csum_start) + tagged;
		unsigned int offset = le16toh(f->hdr.csum_offset);

		put16(p + start + offset, csum_finish(csum_add(0, p + start, len - start), offset));
	}
	c->end += len;
	memset(c->buffer + c->end, 0, -len & 3);
	c->end += -len & 3;
}

static void packet(struct capture *c, const struct port *port, const struct frame *f, bool in)
{
	uint32_t interface = interface_of(c, port), flags = in ? 1 : 2, len;
	uint8_t tag[TAG_BYTES];
	bool tagged = vlan_tagged(&port->rule, VLAN_ID(f->tci));
	struct timespec ts;
	uint64_t time;
	size_t at;

	clock_gettime(CLOCK_REALTIME, &ts);
	time = ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	len = f->len + (tagged ? TAG_BYTES : 0);
	put16(tag, 0x8100);
	put16(tag + 2, f->tci);

	at = begin(c, BLOCK_PACKET);
	put_u32(c, interface);
	put_u32(c, time >> 32);
	put_u32(c, time);
	put_u32(c, len);
	put_u32(c, len);
	put_frame(c, f, tagged ? tag : NULL);
	option(c, OPT_PACKET_FLAGS, &flags, sizeof(flags));
	if (c->dropped) {
		option(c, OPT_PACKET_DROPS, &c->dropped, sizeof(c->dropped));
		c->dropped = 0;
	}
	option(c, OPT_END, NULL, 0);
	finish(c, at);
}

/* ---- captures ---- */

static void end(struct capture *c)
{
	c->source.dead = true;
	c->sw->reap = true;
}

static void flush(struct sw *sw, struct capture *c)
{
	ssize_t n;

	while (!c->source.dead && c->start < c->end) {
		n = write(c->source.fd, c->buffer + c->start, c->end - c->start);
		if (n > 0) {
			c->start += n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			end(c);
		break;
	}
	if (!c->source.dead)
		source_events(sw, &c->source, EPOLLERR | (c->start < c->end ? EPOLLOUT : 0));
}

void capture_event(struct capture *c, uint32_t events)
{
	/* A pipe's reader is gone. */
	if (events & (EPOLLERR | EPOLLHUP))
		end(c);
	else
		flush(c->sw, c);
}

int capture_start(struct sw *sw, int fd, const struct port *port)
{
	struct capture *c;
	struct stat st;
	unsigned int i;

	/* Anything else could make us wait. */
	if (fstat(fd, &st) || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) || fcntl(fd, F_SETFL, O_WRONLY | O_NONBLOCK))
		return -EINVAL;
	for (i = 0; i < CAPTURES_MAX && sw->capture[i]; i++)
		;
	if (i == CAPTURES_MAX)
		return -EMFILE;
	c = calloc(1, sizeof(*c));
	if (c)
		c->buffer = malloc(BUFFER_MAX);
	if (!c || !c->buffer || source_add(sw, &c->source, SOURCE_CAPTURE, fd, EPOLLERR)) {
		if (c)
			free(c->buffer);
		free(c);
		return -ENOMEM;
	}
	c->sw = sw;
	c->port = port ? port->serial : 0;
	sw->capture[i] = c;
	sw->captures++;
	section(c);
	if (port)
		interface_of(c, port);
	for (i = 0; !port && i < sw->ports; i++)
		if (sw->port[i])
			interface_of(c, sw->port[i]);
	flush(sw, c);
	return 0;
}

void capture_frame(struct sw *sw, const struct port *port, const struct frame *f, bool in)
{
	unsigned int i;

	for (i = 0; i < CAPTURES_MAX; i++) {
		struct capture *c = sw->capture[i];

		if (!c || c->source.dead || (c->port ? c->port != port->serial : !in))
			continue;
		if (!has_room(c, BLOCK_ROOM)) {
			c->dropped++;
			continue;
		}
		packet(c, port, f, in);
		flush(sw, c);
	}
}

void capture_free(struct capture *c)
{
	source_close(c->sw, &c->source);
	free(c->buffer);
	free(c);
}

struct source *capture_source(struct capture *c)
{
	return &c->source;
}

void capture_port_end(struct sw *sw, const struct port *port)
{
	unsigned int i;

	for (i = 0; i < CAPTURES_MAX; i++)
		if (sw->capture[i] && sw->capture[i]->port == port->serial) {
			flush(sw, sw->capture[i]);
			end(sw->capture[i]);
		}
}
