// SPDX-License-Identifier: GPL-2.0-or-later
/* What a machine does with what its agent says, and with the caller's session. */
#include <string.h>

#include "base/util.h"
#include "cli.h"
#include "machine.h"
#include "message.h"
#include "text.h"

/* ---- the caller's session ---- */

static void session_done(void *ctx)
{
	struct machine *m = ctx;

	m->exit_ns = timing_now();
	if (m->end == END_NONE)
		machine_stop(m, END_DONE, m->session.status, false);
}

void machine_escaped(void *ctx)
{
	struct machine *m = ctx;

	term_restore();
	message("Ctrl-] three times: the guest is ended");
	machine_stop(m, END_ESCAPE, CLI_ENDED, true);
}

static void open_session(struct machine *m)
{
	struct session_spec spec = {
		.argv = m->opt->argv,
		.env = (char **)m->opt->env,
		.cwd = m->opt->cwd,
		.with_uid = m->opt->with_uid,
		.uid = m->opt->uid,
		.gid = m->opt->gid,
		.tty = m->opt->tty < 0 ? session_wants_tty() : m->opt->tty,
	};
	struct r3_err err;

	m->session = (struct session){ 0 };
	m->session.ctx = m;
	m->session.on_done = session_done;
	m->session.on_escape = machine_escaped;
	if (session_open(&m->session, &m->loop, &m->agent, 1, m->hello.window, &spec, &err)) {
		message("%s", err.msg);
		machine_stop(m, END_BROKEN, CLI_START, false);
	}
}

/* ---- the agent ---- */

static const char *take_hello(struct machine *m, const struct r3_frame *frame, const uint8_t *payload)
{
	struct r3_agent_hello *hello = &m->hello, ours = {
		.magic = R3_AGENT_MAGIC,
		.version = R3_AGENT_VERSION,
		.window = SESSION_WINDOW,
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
	m->ready = true;
	timer_set(&m->slow, -1);
	wire_send(&m->agent, R3_FRAME_HELLO, 0, &ours, sizeof(ours));
	if (m->end != END_NONE)
		return NULL;
	if (!m->opt->init) {
		open_session(m);
	} else {
		struct r3_agent_winsize size;

		term_size(1, 0, &size);
		if (size.rows)
			wire_send(&m->agent, R3_FRAME_WINCH, 0, &size, sizeof(size));
	}
	return NULL;
}

static const char *take_failure(struct machine *m, const struct r3_frame *frame, const uint8_t *payload)
{
	char text[513];
	size_t len;

	if (frame->type != R3_FRAME_ERROR)
		return "it sent a frame that makes no sense";
	if (m->end != END_NONE)
		return NULL;
	len = min_t(size_t, frame->len - sizeof(struct r3_agent_error), sizeof(text) - 1);
	memcpy(text, payload + sizeof(struct r3_agent_error), len);
	text[len] = 0;
	term_restore();
	message("%s", text);
	machine_stop(m, END_BROKEN, CLI_START, true);
	return NULL;
}

const char *machine_frame(void *ctx, const struct r3_frame *frame, const uint8_t *payload)
{
	struct machine *m = ctx;
	void *client;

	if (!m->ready)
		return take_hello(m, frame, payload);
	if (!frame->session)
		return take_failure(m, frame, payload);
	if (frame->session == 1 && m->session.loop) {
		const char *wrong = session_frame(&m->session, frame, payload);

		if (m->session.started && !m->started_ns)
			m->started_ns = timing_now();
		return wrong;
	}
	if (frame->session > R3_AGENT_SESSIONS || !m->relay[frame->session])
		return "it sent a frame of a session that is not";
	client = m->relay[frame->session];
	if (frame->type == R3_FRAME_EXIT || frame->type == R3_FRAME_ERROR)
		m->relay[frame->session] = NULL;
	if (client != m)
		control_frame(client, frame, payload);
	return NULL;
}

void machine_agent_ended(void *ctx, const char *why)
{
	struct machine *m = ctx;

	/* The end of the monitor, which is being reported, ends it too. */
	if (m->end != END_NONE || !strcmp(why, "it closed the connection"))
		return;
	term_restore();
	message("agent protocol error: %s", why);
	machine_stop(m, END_BROKEN, CLI_AGENT, true);
}

void machine_agent_drained(void *ctx)
{
	struct machine *m = ctx;

	if (m->session.loop)
		session_wake(&m->session);
	if (m->control)
		control_wake(m->control);
}

uint16_t machine_relay(struct machine *m, void *client)
{
	uint16_t id;

	if (!m->ready || m->agent.broken || m->end != END_NONE)
		return 0;
	for (id = 2; id <= R3_AGENT_SESSIONS; id++) {
		if (!m->relay[id]) {
			m->relay[id] = client;
			return id;
		}
	}
	return 0;
}
