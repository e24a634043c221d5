/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frames of <ring3/agent.h> as bytes, for both ends of the link: a buffer of
 * what was read, cut into frames, and one of what is to be written. Descriptors
 * are the caller's.
 *
 * The other end may be hostile. A frame is checked here, before anything is
 * allocated for it and before anybody sees it: its type, that the other end may
 * send that, its length, and whether it is of a session or of the link. So whoever
 * takes a frame may rely on the length of its struct.
 */
#ifndef R3_WIRE_FRAMES_H
#define R3_WIRE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ring3/agent.h>

/* Data is produced only while less than this is queued. */
#define FRAMES_LOW	R3_AGENT_DATA_MAX

struct frames {
	bool from_host;		/* who sends what is read: the host, or the agent */
	const char *broken;	/* why no more frames come; NULL while they do */
	uint8_t *in;
	size_t in_pos, in_len, in_cap;
	size_t in_size;		/* in_cap, but while a larger frame is read */
	uint8_t *out;
	size_t out_start, out_len, out_cap;
	size_t out_limit;	/* who does not read its answers ends the link */
};

/* 0 or -ENOMEM. */
int frames_init(struct frames *f, bool from_host, size_t in_size, size_t out_limit);
void frames_free(struct frames *f);

/* Where the next bytes are to be read to, and how many; none while complete frames fill it. */
uint8_t *frames_room(struct frames *f, size_t *len);
void frames_filled(struct frames *f, size_t len);

/*
 * The next complete frame, valid until the next frames_room(). Returns false when
 * there is none, or broken says why there will be none.
 */
bool frames_next(struct frames *f, struct r3_frame *frame, const uint8_t **payload);

/* Queues one frame. Returns false, and sets broken, when it does not fit. */
bool frames_put(struct frames *f, uint16_t type, uint16_t session, const void *payload, size_t len);

/*
 * Room for a data frame of up to len bytes to be read into; NULL if too much is
 * queued already. frames_commit() then says how many bytes it has got.
 */
uint8_t *frames_reserve(struct frames *f, size_t len);
void frames_commit(struct frames *f, uint16_t type, uint16_t session, size_t len);

/* What is to be written, and that so much of it was. */
const uint8_t *frames_queue(const struct frames *f, size_t *len);
void frames_written(struct frames *f, size_t len);

static inline size_t frames_queued(const struct frames *f)
{
	return f->out_len - f->out_start;
}

#endif
