// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "agent_link.h"
#include "base/util.h"
#include "file.h"
#include "text.h"

static const char *take_hello(struct agent_link *a, const struct r3_frame *frame, const uint8_t *payload)
{
	struct r3_agent_hello *hello = &a->hello, ours = {
		.magic = R3_AGENT_MAGIC,
		.version = R3_AGENT_VERSION,
		.window = a->ops->window,
	};

	if (frame->type != R3_FRAME_HELLO || frame->len != sizeof(*hello))
		return "it does not speak the agent's protocol";
	memcpy(hello, payload, sizeof(*hello));
	hello->release[sizeof(hello->release) - 1] = 0;
	text_line(hello->release);
	if (hello->magic != R3_AGENT_MAGIC || hello->version != R3_AGENT_VERSION)
		return "it speaks another version of the protocol; use the initramfs that came with this ring3";
	if (hello->window < R3_AGENT_WINDOW_MIN || hello->window > R3_AGENT_WINDOW_MAX)
		return "it offers a window that makes no sense";
	a->ready = true;
	wire_send(&a->wire, R3_FRAME_HELLO, 0, &ours, sizeof(ours));
	/* Nobody is told that it is ready if it is about to say that it is not. */
	if (!(hello->flags & R3_HELLO_BROKEN))
		a->ops->ready(a->ctx);
	return NULL;
}

static const char *take_failure(struct agent_link *a, const struct r3_frame *frame, const uint8_t *payload)
{
	char text[513];
	size_t len;

	if (frame->type != R3_FRAME_ERROR)
		return "it sent a frame that makes no sense";
	len = min_t(size_t, frame->len - sizeof(struct r3_agent_error), sizeof(text) - 1);
	memcpy(text, payload + sizeof(struct r3_agent_error), len);
	text[len] = 0;
	a->ops->failed(a->ctx, text);
	return NULL;
}

/* Of a session that nobody listens to until it is over. */
static const char *ignore(void *ctx, const struct r3_frame *frame, const uint8_t *payload)
{
	return NULL;
}

static const char *take_frame(void *ctx, const struct r3_frame *frame, const uint8_t *payload)
{
	struct agent_link *a = ctx;
	agent_frame_fn *fn;
	void *session;

	if (!a->ready)
		return take_hello(a, frame, payload);
	if (!frame->session)
		return take_failure(a, frame, payload);
	if (frame->session > R3_AGENT_SESSIONS || !a->session[frame->session].frame)
		return "it sent a frame of a session that is not";
	fn = a->session[frame->session].frame;
	session = a->session[frame->session].ctx;
	/* The caller's stays, to say what is wrong with frames that follow. */
	if (frame->session != AGENT_FIRST_SESSION && (frame->type == R3_FRAME_EXIT || frame->type == R3_FRAME_ERROR))
		a->session[frame->session].frame = NULL;
	return fn(session, frame, payload);
}

static void link_ended(void *ctx, const char *why)
{
	struct agent_link *a = ctx;

	a->ops->ended(a->ctx, why);
}

static void link_drained(void *ctx)
{
	struct agent_link *a = ctx;

	a->ops->drained(a->ctx);
}

int agent_open(struct agent_link *a, struct loop *loop, int fd, const struct agent_ops *ops, void *ctx)
{
	a->ops = ops;
	a->ctx = ctx;
	a->ready = false;
	a->wire = (struct wire){ .ctx = a, .frame = take_frame, .ended = link_ended, .drained = link_drained };
	return wire_open(&a->wire, loop, fd);
}

void agent_close(struct agent_link *a)
{
	wire_close(&a->wire);
	memset(a->session, 0, sizeof(a->session));
	a->ready = false;
}

void agent_attach(struct agent_link *a, uint16_t id, agent_frame_fn *fn, void *ctx)
{
	a->session[id].frame = fn;
	a->session[id].ctx = ctx;
}

uint16_t agent_attach_client(struct agent_link *a, agent_frame_fn *fn, void *ctx, const char **why)
{
	uint16_t id;

	*why = a->ready ? "the guest is ending, or runs too many commands already" : "the guest is not ready yet";
	if (!agent_works(a) || a->full)
		return 0;
	for (id = AGENT_FIRST_SESSION + 1; id <= R3_AGENT_SESSIONS; id++) {
		if (!a->session[id].frame) {
			agent_attach(a, id, fn, ctx);
			return id;
		}
	}
	return 0;
}

void agent_detach(struct agent_link *a, uint16_t id, bool asked)
{
	if (!a->session[id].frame)
		return;
	a->session[id].frame = asked ? ignore : NULL;
	if (asked)
		wire_send(&a->wire, R3_FRAME_END, id, NULL, 0);
}

void agent_power_off(struct agent_link *a, bool force)
{
	struct r3_agent_power power = {
		.how = R3_POWER_HOW_OFF,
		.flags = force ? R3_POWER_FORCE : 0,
	};

	wire_send(&a->wire, R3_FRAME_POWER, 0, &power, sizeof(power));
}

void agent_console_size(struct agent_link *a, const struct r3_agent_winsize *size)
{
	wire_send(&a->wire, R3_FRAME_WINCH, 0, size, sizeof(*size));
}

void agent_put_file(struct agent_link *a, const char *path, const char *text, size_t len)
{
	uint8_t frame[R3_AGENT_SMALL_MAX];
	const struct r3_agent_file file = { .mode = 0644 };
	size_t at = sizeof(file), n = strlen(path) + 1;

	memcpy(frame, &file, sizeof(file));
	memcpy(frame + at, path, n);
	at += n;
	n = min_t(size_t, len, sizeof(frame) - at);
	memcpy(frame + at, text, n);
	wire_send(&a->wire, R3_FRAME_FILE, 0, frame, at + n);
}
