// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation
 *
 * machine_run() starts the monitor as a child and then only reacts: to frames
 * of the agent, to the console, to signals, to timers, to clients. Whatever
 * ends the guest, the end is always the same: the monitor's process ends, and
 * monitor_ended() decides what that means. A guest that reboots is started
 * again from the same open files, so its ephemeral overlay lives on.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "machine.h"
#include "message.h"

#define SLOW_MS		30000
#define LOG_PER_SECOND	(64 << 10)
/* How long a guest may take to end when asked. */
#define FORCED_MS	3000
#define ORDERLY_MS	20000
#define INIT_MS		90000

/*
 * It dies when the host finds the time: a busy host, or one that is writing to
 * a slow disk for it, takes long. Whoever wants the guest gone need not wait.
 */
static void force_end(struct machine *m)
{
	machine_release(m);
	quota_end(&m->quota);
	m->forced = true;
	monitor_kill(&m->mon);
	timer_set(&m->restart, -1);
	timer_set(&m->killed, m->mon.pid ? KILLED_MS : 0);
}

static void killed_over(void *ctx)
{
	struct machine *m = ctx;

	monitor_abandon(&m->mon);
	machine_monitor_ended(m, SIGKILL);
}

void machine_stop(struct machine *m, enum machine_end why, int status, bool force)
{
	bool again = m->end != END_NONE;

	machine_release(m);
	if (!again) {
		m->end = why;
		m->status = status;
		m->agent.full = true;
	}
	if (force || again || !agent_works(&m->agent)) {
		force_end(m);
		return;
	}
	if (m->opt->init) {
		agent_power_off(&m->agent, false);
		timer_set(&m->grace, INIT_MS);
		return;
	}
	/* What nobody keeps need not be written back. */
	agent_power_off(&m->agent, !m->cfg->keeps_changes);
	timer_set(&m->grace, m->cfg->keeps_changes ? ORDERLY_MS : FORCED_MS);
}

static void grace_over(void *ctx)
{
	struct machine *m = ctx;

	if (m->end == END_NONE)
		m->end = END_SIGNAL;
	force_end(m);
}

static void timed_out(void *ctx)
{
	struct machine *m = ctx;

	if (m->end == END_DONE)
		return;
	m->end = END_TIMEOUT;
	m->status = CLI_TIMEOUT;
	force_end(m);
}

static void is_slow(void *ctx)
{
	struct machine *m = ctx;

	message("the guest is not ready after %d s; the last it wrote to its console:", SLOW_MS / 1000);
	bootlog_show(&m->hvc.log, TAIL_LINES);
}

/* ---- events ---- */

void machine_event(struct machine *m, const char *event, struct json_object *more)
{
	if (m->control)
		control_event(m->control, event, more);
	else
		json_object_put(more);
}

void machine_event_with(struct machine *m, const char *event, const char *key, struct json_object *value)
{
	struct json_object *more = json_object_new_object();

	json_object_object_add(more, key, value);
	machine_event(m, event, more);
}

static void oops_found(void *ctx, const char *kind, const char *text)
{
	machine_event_with(ctx, kind, "text", json_object_new_string(text));
}

/* ---- the console ---- */

static void unread(void *ctx)
{
	machine_stop(ctx, END_UNREAD, 128 + SIGPIPE, false);
}

static void console_output(void *ctx, const char *data, size_t len)
{
	struct machine *m = ctx;

	oops_look(&m->oops, data, len);
	if (m->bg)
		guestlog_add(&m->bg->log, GUESTLOG_CONSOLE, data, len);
	if (m->control)
		control_console(m->control, data, len);
}

static void console_room(void *ctx)
{
	struct machine *m = ctx;

	if (m->control)
		control_console_room(m->control);
}

/* ---- the monitor ---- */

/* A monitor that somebody took over must not fill the disk that our stderr is on. */
static bool log_fits(struct machine *m, size_t n)
{
	int64_t second = loop_now() / 1000;

	if (second != m->log_second) {
		m->log_second = second;
		m->log_bytes = 0;
	}
	m->log_bytes += n;
	if (m->log_bytes <= LOG_PER_SECOND)
		return true;
	if (!m->log_cut)
		machine_event_with(m, "limit", "text", json_object_new_string("messages of the monitor"));
	if (!m->log_cut)
		message("the guest's monitor says more than anybody can read: what is beyond %d KiB a second is left out", LOG_PER_SECOND >> 10);
	m->log_cut = true;
	return false;
}

bool machine_read_log(struct machine *m)
{
	char text[4096];
	ssize_t n = read(m->mon.log_fd, text, sizeof(text));

	if (n > 0) {
		if (log_fits(m, n))
			message_text(text, n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		loop_unwatch(&m->loop, &m->log_watch);
	}
	return n > 0;
}

static void log_ready(void *ctx, short revents)
{
	machine_read_log(ctx);
}

int machine_start(struct machine *m, struct r3_err *err)
{
	struct vm_config *vm = &m->cfg->vm;
	int con[2] = { -1, -1 }, ag[2] = { -1, -1 }, ch[2] = { -1, -1 }, early[2] = { -1, -1 }, hold[2], ret;

	m->ram_fd = memfd_create("ring3-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (m->ram_fd < 0)
		return err_set(err, errno, "cannot create guest memory: %s", strerror(errno));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, con) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ag) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ch) < 0 ||
	    pipe2(early, O_CLOEXEC) < 0)
		return err_set(err, errno, "no socket for the guest's console and agent: %s", strerror(errno));
	fcntl(early[0], F_SETFL, O_NONBLOCK);
	vm->nr_ports = 2;
	vm->port[0] = (struct vm_port){ .fd = con[1] };
	vm->port[1] = (struct vm_port){ .fd = ag[1], .name = R3_AGENT_PORT };
	vm->early_console_fd = early[1];
	vm->channel_fd = ch[1];
	vm->ram_fd = m->ram_fd;

	ret = machine_hold_pipes(m, !m->monitor_since, hold, err);
	vm->start_fd = hold[0];
	vm->panic_fd = hold[1];
	vm->traceable = m->opt->debug || m->opt->dump_on_panic;
	if (!ret)
		ret = vhosts_start(m->cfg->vhosts, err);
	if (!ret)
		ret = monitor_start(&m->mon, vm, err);
	util_close(&hold[0]);
	util_close(&hold[1]);
	close(con[1]);
	close(ag[1]);
	close(ch[1]);
	close(early[1]);
	if (ret)
		return ret;
	channel_open(&m->channel, &m->loop, ch[0]);
	plugs_start(m);
	if (m->start_fd < 0)
		quota_begin(&m->quota, m->mon.pid);
	m->monitor_since = loop_now();
	m->timing.command_ns = 0;
	m->timing.exit_ns = 0;
	ret = agent_open(&m->agent, &m->loop, ag[0], &machine_agent_ops, m);
	if (ret)
		return err_set(err, ret, "no memory for the connection to the guest's agent");
	hvc_start(&m->hvc, con[0], early[0]);
	loop_watch(&m->loop, &m->log_watch, m->mon.log_fd, POLLIN, log_ready, m);
	timer_set(&m->slow, m->start_fd >= 0 ? -1 : SLOW_MS);
	machine_event(m, "boot", NULL);
	if (m->start_fd >= 0)
		message("the guest waits for a debugger: ring3 debug %s", m->cfg->name);
	return 0;
}

/* ---- what others may ask ---- */

int machine_open_control(struct machine *m, struct r3_err *err)
{
	const struct control_config cfg = {
		.loop = &m->loop,
		.agent = &m->agent,
		.hvc = &m->hvc,
		.name = m->cfg->name,
		.env = m->cfg->carry.env,
		.any_name = !m->opt->name && !m->bg,
		.ops = &machine_control_ops,
		.ctx = m,
	};

	m->control = control_open(&cfg, err);
	return m->control ? 0 : err->code;
}

/* ---- a guest without a terminal ---- */

void machine_ready(struct machine *m)
{
	if (m->end != END_NONE)
		return;
	machine_event(m, "ready", NULL);
	if (!m->bg)
		return;
	loop_unwatch(&m->loop, &m->report_watch);
	background_ready(m->bg);
}

/* Who was to be told that the guest is ready is gone, so nobody wants it. */
static void report_ready(void *ctx, short revents)
{
	struct machine *m = ctx;

	loop_unwatch(&m->loop, &m->report_watch);
	machine_stop(m, END_SIGNAL, 128 + SIGHUP, true);
}

static int begin_background(struct machine *m, struct r3_err *err)
{
	int ret;

	if (!m->bg)
		return 0;
	ret = background_begin(m->bg, err);
	if (ret)
		return ret;
	loop_watch(&m->loop, &m->report_watch, m->bg->report, 0, report_ready, m);
	m->report_watch.any = true;
	return 0;
}

/* ---- begin and end ---- */

static int begin(struct machine *m, struct r3_err *err)
{
	struct r3_err unreachable = { 0 };
	int ret;

	loop_timer(&m->loop, &m->timeout, timed_out, m);
	loop_timer(&m->loop, &m->slow, is_slow, m);
	loop_timer(&m->loop, &m->grace, grace_over, m);
	loop_timer(&m->loop, &m->killed, killed_over, m);
	loop_timer(&m->loop, &m->restart, machine_restart, m);
	plugs_init(m);
	machine_limits_init(m);
	m->oops.found = oops_found;
	m->oops.ctx = m;
	m->hvc.ctx = m;
	m->hvc.output = console_output;
	m->hvc.room = console_room;
	m->hvc.escaped = machine_escaped;
	m->hvc.unread = unread;
	m->hvc.verbose = m->opt->verbose;
	m->hvc.early_verbose = m->opt->verbose || m->opt->early_console;
	hvc_init(&m->hvc, &m->loop);
	/* Before the guest starts: two under one name never run, not even for a moment. */
	ret = machine_open_control(m, &unreachable);
	/* If nobody asked for it by name the guest is of use without. */
	if (ret && (m->opt->name || m->bg)) {
		*err = unreachable;
		return ret;
	}
	ret = begin_background(m, err);
	if (!ret)
		ret = net_settle(m->net, err);
	if (!ret)
		ret = machine_take_signals(m, err);
	if (!ret)
		ret = machine_start(m, err);
	if (ret)
		return ret;
	net_watch(m->net, &m->loop, &machine_net_ops, m);
	vhosts_watch(m->cfg->vhosts, &m->loop);
	vsock_watch(m->cfg->vsock, &m->loop);
	if (!m->control)
		message("ring3 ps, exec, console and stop will not find this guest: %s", unreachable.msg);
	timer_set(&m->timeout, m->opt->timeout_ms);
	if (machine_has_console(m)) {
		ret = hvc_attach(&m->hvc);
		if (ret)
			return err_set(err, ret, "the terminal cannot be set to raw mode: %s", strerror(-ret));
	}
	return 0;
}

static void run(struct machine *m)
{
	struct r3_err err;
	int ret;

	m->start_fd = m->panic_fd = -1;
	timing_start(&m->timing);
	ret = begin(m, &err);
	if (ret) {
		monitor_kill(&m->mon);
		term_restore();
		message("%s", err.msg);
		machine_finish(m, CLI_START);
	}
	while (!m->over) {
		ret = loop_step(&m->loop);
		if (ret) {
			message("poll: %s", strerror(-ret));
			monitor_kill(&m->mon);
			machine_finish(m, CLI_HOST);
		}
	}
	if (m->mon.pid)
		waitpid(m->mon.pid, NULL, 0);
	if (m->session.message[0])
		message("%s", m->session.message);
	if (m->opt->timing)
		timing_write(&m->timing, &m->agent.hello, m->opt->timing);
}

int machine_run(const struct run_options *opt, struct run_config *cfg, struct net *net, struct background *bg)
{
	struct machine *m = calloc(1, sizeof(*m));
	int status;

	if (!m) {
		message("no memory for a guest");
		return CLI_START;
	}
	m->ram_fd = -1;
	m->opt = opt;
	m->cfg = cfg;
	m->net = net;
	m->bg = bg;
	m->started = time(NULL);
	run(m);
	status = m->status;
	plugs_close(m, m->forced);
	net_close(m->net);
	vsock_close(cfg->vsock);
	vhosts_close(cfg->vhosts, m->forced);
	if (bg)
		background_end(bg, status);
	control_close(m->control, status);
	hvc_free(&m->hvc);
	free(m);
	return status;
}
