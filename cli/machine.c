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
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "decode.h"
#include "machine.h"
#include "message.h"

#define SLOW_MS		30000
#define LOG_PER_SECOND	(64 << 10)
#define TAIL_LINES	60
/* A monitor that was killed, and output that nobody reads at a --timeout. */
#define KILLED_MS	500
/* How long a guest may take to end when asked. */
#define FORCED_MS	3000
#define ORDERLY_MS	20000
#define INIT_MS		90000
/* A guest that ran for less before it reboots may do so for ever. */
#define QUICK_MS	10000
#define RESTART_MIN_MS	250
#define RESTART_MAX_MS	30000

/*
 * It dies when the host finds the time: a busy host, or one that is writing to
 * a slow disk for it, takes long. Whoever wants the guest gone need not wait.
 */
static void force_end(struct machine *m)
{
	machine_release(m);
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

/* ---- the console ---- */

static void unread(void *ctx)
{
	machine_stop(ctx, END_UNREAD, 128 + SIGPIPE, false);
}

static void console_output(void *ctx, const char *data, size_t len)
{
	struct machine *m = ctx;

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
		message("the guest's monitor says more than anybody can read: what is beyond %d KiB a second is left out", LOG_PER_SECOND >> 10);
	m->log_cut = true;
	return false;
}

static bool read_log(struct machine *m)
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
	read_log(ctx);
}

static int start(struct machine *m, struct r3_err *err)
{
	struct vm_config *vm = &m->cfg->vm;
	int con[2] = { -1, -1 }, ag[2] = { -1, -1 }, early[2] = { -1, -1 }, hold[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, con) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ag) < 0 ||
	    pipe2(early, O_CLOEXEC) < 0)
		return err_set(err, errno, "no socket for the guest's console and agent: %s", strerror(errno));
	fcntl(early[0], F_SETFL, O_NONBLOCK);
	vm->nr_ports = 2;
	vm->port[0] = (struct vm_port){ .fd = con[1] };
	vm->port[1] = (struct vm_port){ .fd = ag[1], .name = R3_AGENT_PORT };
	vm->early_console_fd = early[1];

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
	close(early[1]);
	if (ret)
		return ret;
	m->monitor_since = loop_now();
	m->timing.command_ns = 0;
	m->timing.exit_ns = 0;
	ret = agent_open(&m->agent, &m->loop, ag[0], &machine_agent_ops, m);
	if (ret)
		return err_set(err, ret, "no memory for the connection to the guest's agent");
	hvc_start(&m->hvc, con[0], early[0]);
	loop_watch(&m->loop, &m->log_watch, m->mon.log_fd, POLLIN, log_ready, m);
	timer_set(&m->slow, m->start_fd >= 0 ? -1 : SLOW_MS);
	if (m->start_fd >= 0)
		message("the guest waits for a debugger: ring3 debug %s", m->cfg->name);
	return 0;
}

/* The guest is gone; what it said before is not. */
static void collect(struct machine *m)
{
	int64_t until = m->end == END_TIMEOUT ? loop_now() + KILLED_MS : 0;

	if (m->session.loop) {
		session_flush(&m->session, until);
		session_close(&m->session);
	}
	hvc_stop(&m->hvc, until);
	agent_close(&m->agent);
	if (m->control)
		control_reset(m->control);
	machine_hold_closed(m);
	timer_set(&m->slow, -1);
	timer_set(&m->grace, -1);
	timer_set(&m->killed, -1);
}

static void collect_log(struct machine *m)
{
	while (read_log(m))
		;
	loop_unwatch(&m->loop, &m->log_watch);
	close(m->mon.log_fd);
	m->mon.log_fd = -1;
}

static void finish(struct machine *m, int status)
{
	m->over = true;
	m->status = status;
}

static void show_tail(struct machine *m)
{
	/* With -v or on the console itself it was there to be read. */
	if (!m->opt->verbose && !m->opt->init)
		bootlog_show(&m->hvc.log, TAIL_LINES);
}

static void show_places(struct machine *m)
{
	cleanup_free char *text = bootlog_tail(&m->hvc.log, TAIL_LINES);

	if (text)
		decode_show(m->opt->kernel, text);
}

static void guest_off(struct machine *m, const char *how)
{
	if (m->opt->init || !m->opt->argv) {
		finish(m, CLI_OK);
		return;
	}
	message("the guest %s before the command ended", how);
	finish(m, CLI_ENDED);
}

static void restart(void *ctx)
{
	struct machine *m = ctx;
	struct r3_err err;

	if (start(m, &err)) {
		message("%s", err.msg);
		finish(m, CLI_HOST);
		return;
	}
	if (m->opt->init && m->hvc.in.tty)
		term_raw(0);
}

/* The first time at once, and then after twice the time each time. */
static int64_t restart_delay(struct machine *m)
{
	int64_t delay = RESTART_MIN_MS;
	unsigned int i;

	if (loop_now() - m->monitor_since >= QUICK_MS)
		m->quick_reboots = 0;
	if (!m->quick_reboots++)
		return 0;
	for (i = 2; i < m->quick_reboots && delay < RESTART_MAX_MS; i++)
		delay *= 2;
	return min_t(int64_t, delay, RESTART_MAX_MS);
}

static void guest_reboot(struct machine *m)
{
	int64_t delay;

	if (!m->opt->init && m->opt->argv) {
		guest_off(m, "was rebooted");
		return;
	}
	delay = restart_delay(m);
	if (!delay) {
		restart(m);
		return;
	}
	message("the guest rebooted again within %d s of its start; it is started again in %.2f s",
		QUICK_MS / 1000, delay / 1000.0);
	timer_set(&m->restart, delay);
}

static void explain_death(struct machine *m, int status)
{
	if (WIFSIGNALED(status))
		message("the guest's monitor was killed by signal %d (%s)%s", WTERMSIG(status),
			     strsignal(WTERMSIG(status)),
			     WTERMSIG(status) == SIGKILL ? "; the host may be out of memory" : "");
	else
		message("the guest's monitor ended with status %d", WEXITSTATUS(status));
	show_tail(m);
	finish(m, CLI_HOST);
}

void machine_monitor_ended(struct machine *m, int status)
{
	bool was_ready = m->agent.ready, known;

	/* Its last words may not have been read yet. */
	wire_drain(&m->agent.wire);
	known = m->session.loop && m->session.over;
	collect(m);
	term_restore();
	collect_log(m);

	if (m->end != END_NONE) {
		if (m->end == END_TIMEOUT && !was_ready)
			bootlog_show(&m->hvc.log, TAIL_LINES);
		finish(m, m->status);
		return;
	}
	if (known) {
		finish(m, m->session.status);
		return;
	}
	switch (WIFEXITED(status) ? WEXITSTATUS(status) : -1) {
	case VM_EXIT_POWEROFF:
		guest_off(m, "was powered off");
		break;
	case VM_EXIT_REBOOT:
		guest_reboot(m);
		break;
	case VM_EXIT_PANIC:
		message("the guest kernel panicked%s", m->opt->verbose || m->opt->init ? "" :
			     "; the last it wrote to its console:");
		show_tail(m);
		show_places(m);
		finish(m, CLI_PANIC);
		break;
	case VM_EXIT_HOST:
		show_tail(m);
		finish(m, CLI_HOST);
		break;
	case VM_EXIT_CONFIG:
		finish(m, CLI_START);
		break;
	default:
		explain_death(m, status);
	}
}

/* ---- what others may ask ---- */

static struct json_object *info(void *ctx)
{
	const struct machine *m = ctx;
	struct json_object *o = json_object_new_object();
	char path[PATH_MAX];
	size_t i;

	json_object_object_add(o, "name", json_object_new_string(m->cfg->name));
	json_object_object_add(o, "pid", json_object_new_int(getpid()));
	json_object_object_add(o, "monitor", json_object_new_int(m->mon.pid));
	json_object_object_add(o, "state", json_object_new_string(
		m->end != END_NONE ? "ending" : m->paused ? "paused" : m->start_fd >= 0 ? "held" : m->agent.ready ? "running" :
		m->restart.due >= 0 ? "rebooting" : "booting"));
	json_object_object_add(o, "paused", json_object_new_boolean(m->paused));
	json_object_object_add(o, "waits_for_debugger", json_object_new_boolean(m->start_fd >= 0));
	if (realpath(m->opt->kernel, path))
		json_object_object_add(o, "kernel_file", json_object_new_string(path));
	json_object_object_add(o, "mem", json_object_new_int64(m->cfg->vm.mem));
	json_object_object_add(o, "cpus", json_object_new_int(m->cfg->vm.cpus));
	json_object_object_add(o, "started", json_object_new_int64(m->started));
	json_object_object_add(o, "kernel", json_object_new_string(m->agent.hello.release));
	json_object_object_add(o, "network", net_info(m->net));
	json_object_object_add(o, "root", json_object_new_string(m->cfg->root_folder ? m->opt->root : m->cfg->vm.disk[0].path));
	if (m->opt->init) {
		json_object_object_add(o, "init", json_object_new_string(m->opt->init));
	} else if (m->opt->argv) {
		struct json_object *argv = json_object_new_array();

		for (i = 0; m->opt->argv[i]; i++)
			json_object_array_add(argv, json_object_new_string(m->opt->argv[i]));
		json_object_object_add(o, "command", argv);
	}
	return o;
}

static void stop(void *ctx, bool force)
{
	struct machine *m = ctx;

	machine_stop(m, END_STOP, m->opt->init ? CLI_OK : CLI_ENDED, force);
}

static int order(void *ctx, const char *op, struct r3_err *err)
{
	return machine_order(ctx, op, err);
}

int machine_open_control(struct machine *m, struct r3_err *err)
{
	static const struct control_ops ops = { .info = info, .stop = stop, .order = order };
	const struct control_config cfg = {
		.loop = &m->loop,
		.agent = &m->agent,
		.hvc = &m->hvc,
		.name = m->cfg->name,
		.env = m->cfg->carry.env,
		.any_name = !m->opt->name,
		.ops = &ops,
		.ctx = m,
	};

	m->control = control_open(&cfg, err);
	return m->control ? 0 : err->code;
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
	loop_timer(&m->loop, &m->restart, restart, m);
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
	if (ret && m->opt->name) {
		*err = unreachable;
		return ret;
	}
	ret = net_settle(m->net, err);
	if (!ret)
		ret = machine_take_signals(m, err);
	if (!ret)
		ret = start(m, err);
	if (ret)
		return ret;
	net_watch(m->net, &m->loop, &machine_net_ops, m);
	vhosts_watch(m->cfg->vhosts, &m->loop);
	if (!m->control)
		message("ring3 ps, exec, console and stop will not find this guest: %s", unreachable.msg);
	timer_set(&m->timeout, m->opt->timeout_ms);
	if (m->opt->init) {
		ret = hvc_attach(&m->hvc);
		if (ret)
			return err_set(err, ret, "the terminal cannot be set to raw mode: %s", strerror(-ret));
	}
	return 0;
}

int machine_run(const struct run_options *opt, struct run_config *cfg, struct net *net)
{
	static struct machine m;
	struct r3_err err;
	int status, ret;

	m.opt = opt;
	m.cfg = cfg;
	m.net = net;
	m.started = time(NULL);
	m.start_fd = m.panic_fd = -1;
	timing_start(&m.timing);
	ret = begin(&m, &err);
	if (ret) {
		monitor_kill(&m.mon);
		term_restore();
		message("%s", err.msg);
		finish(&m, CLI_START);
	}
	while (!m.over) {
		ret = loop_step(&m.loop);
		if (ret) {
			message("poll: %s", strerror(-ret));
			monitor_kill(&m.mon);
			finish(&m, CLI_HOST);
		}
	}
	status = m.status;
	if (m.mon.pid)
		waitpid(m.mon.pid, NULL, 0);
	if (m.session.message[0])
		message("%s", m.session.message);
	if (opt->timing)
		timing_write(&m.timing, &m.agent.hello, opt->timing);
	net_close(m.net);
	vhosts_close(cfg->vhosts, m.forced);
	control_close(m.control);
	hvc_free(&m.hvc);
	return status;
}
