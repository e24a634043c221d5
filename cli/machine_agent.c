// SPDX-License-Identifier: GPL-2.0-or-later
/* What a machine does with what its agent says, and with the caller's session. */
#include <string.h>

#include "cli.h"
#include "machine.h"
#include "message.h"

/* Before the root's own, which wins. */
#define APT_CONF	"/etc/apt/apt.conf.d/00ring3"

/* ---- the caller's session ---- */

static void session_done(void *ctx)
{
	struct machine *m = ctx;

	m->timing.exit_ns = timing_now();
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

static const char *take_frame(void *ctx, const struct r3_frame *frame, const uint8_t *payload)
{
	struct machine *m = ctx;
	const char *wrong = session_frame(&m->session, frame, payload);

	if (m->session.started && !m->timing.command_ns) {
		m->timing.command_ns = timing_now();
		machine_ready(m);
	}
	return wrong;
}

static void to_log(void *ctx, uint16_t type, const uint8_t *data, size_t len)
{
	struct machine *m = ctx;

	guestlog_add(&m->bg->log, type == R3_FRAME_STDERR ? GUESTLOG_ERR : GUESTLOG_OUT, data, len);
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
		.sink = m->bg ? to_log : NULL,
	};
	struct r3_err err;

	m->session = (struct session){ 0 };
	m->session.ctx = m;
	m->session.on_done = session_done;
	m->session.on_escape = machine_escaped;
	if (session_open(&m->session, &m->loop, &m->agent.wire, AGENT_FIRST_SESSION, m->agent.hello.window, &spec, &err)) {
		message("%s", err.msg);
		machine_stop(m, END_BROKEN, CLI_START, false);
		return;
	}
	agent_attach(&m->agent, AGENT_FIRST_SESSION, take_frame, m);
}

/* Without a terminal there may be none: then the guest is there for others to run commands in. */
static void begin_command(struct machine *m)
{
	if (m->opt->init || (m->bg && !m->opt->argv))
		machine_ready(m);
	else
		open_session(m);
}

/* ---- the agent ---- */

/* A root that is kept has settings of its own, and keeps what is written to it. */
static void send_settings(struct machine *m)
{
	const struct carry *carry = &m->cfg->carry;

	if (carry->apt_len && !m->opt->root_rw && !m->opt->root_overlay)
		agent_put_file(&m->agent, APT_CONF, carry->apt, carry->apt_len);
}

static void ready(void *ctx)
{
	struct machine *m = ctx;
	struct r3_agent_winsize size;

	timer_set(&m->slow, -1);
	vhosts_ready(m->cfg->vhosts);
	if (m->end != END_NONE)
		return;
	send_settings(m);
	machine_limits_ready(m);
	plugs_agent_ready(m);
	if (!machine_has_console(m)) {
		/* What a back end refuses ends the start, so it has to say so before the command. */
		m->waits_for_net = !net_is_ready(m->net);
		if (!m->waits_for_net)
			begin_command(m);
		return;
	}
	machine_ready(m);
	term_size(1, 0, &size);
	if (size.rows)
		agent_console_size(&m->agent, &size);
}

static void failed(void *ctx, const char *text)
{
	struct machine *m = ctx;

	if (m->end != END_NONE)
		return;
	term_restore();
	message("%s", text);
	machine_stop(m, END_BROKEN, CLI_START, true);
}

static void ended(void *ctx, const char *why)
{
	struct machine *m = ctx;

	/* The end of the monitor, which is being reported, ends it too. */
	if (m->end != END_NONE || !strcmp(why, "it closed the connection"))
		return;
	term_restore();
	message("agent protocol error: %s", why);
	machine_stop(m, END_BROKEN, CLI_AGENT, true);
}

static void drained(void *ctx)
{
	struct machine *m = ctx;

	if (m->session.loop)
		session_wake(&m->session);
	if (m->control)
		control_wake(m->control);
}

/* ---- the network ---- */

static void net_ready(void *ctx)
{
	struct machine *m = ctx;

	if (m->waits_for_net && m->end == END_NONE)
		begin_command(m);
	m->waits_for_net = false;
}

static void net_failed(void *ctx, const char *why)
{
	struct machine *m = ctx;

	/* A card that nobody asked for is not worth a guest. */
	if (!m->opt->net.given) {
		message("the guest has no network: %s", why);
		net_ready(m);
		return;
	}
	if (m->end != END_NONE)
		return;
	term_restore();
	message("%s", why);
	machine_stop(m, END_BROKEN, CLI_START, true);
}

const struct net_ops machine_net_ops = {
	.ready = net_ready,
	.failed = net_failed,
};

const struct agent_ops machine_agent_ops = {
	.window = SESSION_WINDOW,
	.ready = ready,
	.failed = failed,
	.ended = ended,
	.drained = drained,
};
