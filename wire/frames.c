// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "setting_wire.h"
#include "share_wire.h"
#include "frames.h"
#include "wire_mutation.h"

#ifndef MUTATION_AGENT_LENGTH		/* tests only: frames may say any length */
#define MUTATION_AGENT_LENGTH	0
#endif

enum { HOST = 1, AGENT = 2 };		/* who may send it */
enum { LINK = 1, SESSION = 2 };		/* with session 0, with others */

static const struct rule {
	uint8_t from, of;
	uint32_t min, max;		/* bytes of payload */
} rules[] = {
	/* That of another version is told from its first words. */
	[R3_FRAME_HELLO] = { HOST | AGENT, LINK, 0, R3_AGENT_SMALL_MAX },
	/* What is wrong with it is answered. */
	[R3_FRAME_RUN] = { HOST, SESSION, 0, R3_AGENT_FRAME_MAX },
	[R3_FRAME_STDIN] = { HOST, SESSION, 0, R3_AGENT_DATA_MAX },
	[R3_FRAME_STDOUT] = { AGENT, SESSION, 0, R3_AGENT_DATA_MAX },
	[R3_FRAME_STDERR] = { AGENT, SESSION, 0, R3_AGENT_DATA_MAX },
	[R3_FRAME_CREDIT] = { HOST | AGENT, SESSION, sizeof(struct r3_agent_credit), sizeof(struct r3_agent_credit) },
	[R3_FRAME_CLOSE] = { HOST | AGENT, SESSION, sizeof(__u32), sizeof(__u32) },
	[R3_FRAME_WINCH] = { HOST, LINK | SESSION, sizeof(struct r3_agent_winsize), sizeof(struct r3_agent_winsize) },
	[R3_FRAME_SIGNAL] = { HOST, SESSION, sizeof(__u32), sizeof(__u32) },
	[R3_FRAME_STARTED] = { AGENT, SESSION, sizeof(__u32), sizeof(__u32) },
	[R3_FRAME_EXIT] = { AGENT, SESSION, sizeof(struct r3_agent_exit), sizeof(struct r3_agent_exit) },
	[R3_FRAME_ERROR] = { AGENT, LINK | SESSION, sizeof(struct r3_agent_error), R3_AGENT_SMALL_MAX },
	[R3_FRAME_POWER] = { HOST, LINK, sizeof(struct r3_agent_power), sizeof(struct r3_agent_power) },
	[R3_FRAME_END] = { HOST, SESSION, 0, 0 },
	[R3_FRAME_SET] = { HOST, SESSION, sizeof(struct r3_agent_set), sizeof(struct r3_agent_set) },
	[R3_FRAME_SHARE] = { HOST, SESSION, sizeof(struct r3_agent_share), R3_AGENT_SMALL_MAX },
	[R3_FRAME_FILE] = { HOST, LINK, sizeof(struct r3_agent_file), R3_AGENT_SMALL_MAX },
};

int frames_init(struct frames *f, bool from_host, size_t in_size, size_t out_limit)
{
	*f = (struct frames){ .from_host = from_host, .in_cap = in_size, .in_size = in_size,
			      .out_cap = 2 * FRAMES_LOW + 4096, .out_limit = out_limit };
	f->in = malloc(f->in_cap);
	f->out = malloc(f->out_cap);
	if (f->in && f->out)
		return 0;
	frames_free(f);
	return -ENOMEM;
}

void frames_free(struct frames *f)
{
	free(f->in);
	free(f->out);
	*f = (struct frames){ .broken = "it was closed" };
}

/* ---- in ---- */

/* NULL, or what is wrong with it. */
static const char *check(const struct frames *f, const struct r3_frame *frame)
{
	const struct rule *rule = &rules[frame->type < sizeof(rules) / sizeof(rules[0]) ? frame->type : 0];

	if (!(rule->from & (f->from_host ? HOST : AGENT)))
		return "a frame of a type that is unknown or not for this end";
	if (frame->len > rule->max && !MUTATION_AGENT_LENGTH)
		return "a frame that is too long";
	if (frame->len < rule->min || !(rule->of & (frame->session ? SESSION : LINK)))
		return "a frame that makes no sense";
	return NULL;
}

/* The head of the next frame, if it is there and right. */
static bool peek(struct frames *f, struct r3_frame *frame)
{
	if (f->broken || f->in_len - f->in_pos < sizeof(*frame))
		return false;
	memcpy(frame, f->in + f->in_pos, sizeof(*frame));
	f->broken = check(f, frame);
	return !f->broken;
}

static bool resize(struct frames *f, size_t cap)
{
	uint8_t *buf = realloc(f->in, cap);

	if (!buf)
		return false;
	f->in = buf;
	f->in_cap = cap;
	return true;
}

uint8_t *frames_room(struct frames *f, size_t *len)
{
	struct r3_frame frame;

	if (f->in_pos) {
		f->in_len -= f->in_pos;
		memmove(f->in, f->in + f->in_pos, f->in_len);
		f->in_pos = 0;
	}
	if (f->in_cap > f->in_size && f->in_len <= f->in_size)
		resize(f, f->in_size);
	*len = 0;
	if (peek(f, &frame) && sizeof(frame) + frame.len > f->in_cap &&
	    !resize(f, sizeof(frame) + frame.len))
		f->broken = "out of memory";
	if (!f->broken)
		*len = f->in_cap - f->in_len;
	return f->in + f->in_len;
}

void frames_filled(struct frames *f, size_t len)
{
	f->in_len += len;
}

bool frames_next(struct frames *f, struct r3_frame *frame, const uint8_t **payload)
{
	if (!peek(f, frame) || f->in_len - f->in_pos - sizeof(*frame) < frame->len)
		return false;
	*payload = f->in + f->in_pos + sizeof(*frame);
	f->in_pos += sizeof(*frame) + frame->len;
	return true;
}

/* ---- out ---- */

static bool out_room(struct frames *f, size_t need)
{
	size_t cap = f->out_cap;
	uint8_t *bigger;

	if (cap - f->out_len >= need)
		return true;
	f->out_len -= f->out_start;
	memmove(f->out, f->out + f->out_start, f->out_len);
	f->out_start = 0;
	if (f->out_len + need > f->out_limit) {
		f->broken = "it does not read what it is sent";
		return false;
	}
	while (cap - f->out_len < need)
		cap *= 2;
	if (cap == f->out_cap)
		return true;
	bigger = realloc(f->out, cap);
	if (!bigger) {
		f->broken = "out of memory";
		return false;
	}
	f->out = bigger;
	f->out_cap = cap;
	return true;
}

bool frames_put(struct frames *f, uint16_t type, uint16_t session, const void *payload, size_t len)
{
	if (f->broken || !out_room(f, sizeof(struct r3_frame) + len))
		return false;
	if (len)
		memcpy(f->out + f->out_len + sizeof(struct r3_frame), payload, len);
	frames_commit(f, type, session, len);
	return true;
}

uint8_t *frames_reserve(struct frames *f, size_t len)
{
	if (f->broken || frames_queued(f) >= FRAMES_LOW || !out_room(f, sizeof(struct r3_frame) + len))
		return NULL;
	return f->out + f->out_len + sizeof(struct r3_frame);
}

void frames_commit(struct frames *f, uint16_t type, uint16_t session, size_t len)
{
	struct r3_frame frame = { .len = len, .type = type, .session = session };

	memcpy(f->out + f->out_len, &frame, sizeof(frame));
	f->out_len += sizeof(frame) + len;
}

const uint8_t *frames_queue(const struct frames *f, size_t *len)
{
	*len = frames_queued(f);
	return f->out + f->out_start;
}

void frames_written(struct frames *f, size_t len)
{
	f->out_start += len;
	if (f->out_start == f->out_len)
		f->out_start = f->out_len = 0;
}
