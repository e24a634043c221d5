// SPDX-License-Identifier: GPL-2.0-or-later
/* A guest that is gone: what it meant, and whether it is started again. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "decode.h"
#include "machine.h"
#include "message.h"

/* A guest that ran for less before it reboots may do so for ever. */
#define QUICK_MS	10000
#define RESTART_MIN_MS	250
#define RESTART_MAX_MS	30000

/* The guest is gone; what it said before is not. */
static void collect(struct machine *m)
{
	int64_t until = m->end == END_TIMEOUT ? loop_now() + KILLED_MS : 0;

	if (m->session.loop) {
		session_flush(&m->session, until);
		session_close(&m->session);
	}
	hvc_stop(&m->hvc, until);
	machine_limits_over(m);
	agent_close(&m->agent);
	channel_close(&m->channel);
	plugs_lost(m);
	if (m->ram_fd >= 0)
		close(m->ram_fd);
	m->ram_fd = -1;
	if (m->control)
		control_reset(m->control);
	machine_hold_closed(m);
	timer_set(&m->slow, -1);
	timer_set(&m->grace, -1);
	timer_set(&m->killed, -1);
}

static void collect_log(struct machine *m)
{
	while (machine_read_log(m))
		;
	loop_unwatch(&m->loop, &m->log_watch);
	close(m->mon.log_fd);
	m->mon.log_fd = -1;
}

void machine_finish(struct machine *m, int status)
{
	m->over = true;
	m->status = status;
}

static void show_places(struct machine *m)
{
	cleanup_free char *text = bootlog_tail(&m->hvc.log, TAIL_LINES);

	if (text && m->opt->kernel)
		decode_show(m->opt->kernel, text);
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

/* It ended by itself: --restart may have it started again, as if it had rebooted. */
static bool start_again(struct machine *m, int status)
{
	const struct run_options *opt = m->opt;
	int64_t delay;

	if (!m->bg || m->bg->report >= 0 || m->asked || opt->restart == RESTART_NO || (opt->restart == RESTART_ON_FAILURE && !status))
		return false;
	if (loop_now() - m->monitor_since >= QUICK_MS)
		m->failures = 0;
	if (opt->restart_max && m->failures++ >= opt->restart_max)
		return false;
	if (m->session.message[0])
		message("%s", m->session.message);
	/* Never at once: a command that ends at once would keep the host busy with guests. */
	delay = restart_delay(m);
	if (delay < RESTART_MIN_MS)
		delay = RESTART_MIN_MS;
	message("the guest ended with status %d; --restart starts it again in %.2f s", status, delay / 1000.0);
	m->restarts++;
	machine_event_with(m, "restart", "status", json_object_new_int(status));
	m->end = END_NONE;
	m->forced = false;
	m->agent.full = false;
	m->session = (struct session){ 0 };
	timer_set(&m->restart, delay);
	return true;
}

/* Of a guest that nobody stopped. */
static void life_over(struct machine *m, int status)
{
	if (!start_again(m, status))
		machine_finish(m, status);
}

static void show_tail(struct machine *m)
{
	/* With -v or on the console itself it was there to be read; and in a log it is. */
	if (!m->opt->verbose && !machine_has_console(m) && (!m->bg || m->bg->report >= 0))
		bootlog_show(&m->hvc.log, TAIL_LINES);
}

static void guest_off(struct machine *m, const char *how)
{
	if (m->opt->init || !m->opt->argv) {
		life_over(m, CLI_OK);
		return;
	}
	message("the guest %s before the command ended", how);
	life_over(m, CLI_ENDED);
}

void machine_restart(void *ctx)
{
	struct machine *m = ctx;
	struct r3_err err;

	if (machine_start(m, &err)) {
		message("%s", err.msg);
		machine_finish(m, CLI_HOST);
		return;
	}
	if (machine_has_console(m) && m->hvc.in.tty)
		term_raw(0);
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
		machine_restart(m);
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
	life_over(m, CLI_HOST);
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
		if (m->end == END_DONE || m->end == END_BROKEN)
			life_over(m, m->status);
		else
			machine_finish(m, m->status);
		return;
	}
	if (known) {
		life_over(m, m->session.status);
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
		machine_event(m, "panic", NULL);
		message("the guest kernel panicked%s", m->opt->verbose || machine_has_console(m) || (m->bg && m->bg->report < 0) ? "" :
			     "; the last it wrote to its console:");
		show_tail(m);
		show_places(m);
		life_over(m, CLI_PANIC);
		break;
	case VM_EXIT_HOST:
		show_tail(m);
		life_over(m, CLI_HOST);
		break;
	case VM_EXIT_CONFIG:
		machine_finish(m, CLI_START);
		break;
	default:
		explain_death(m, status);
	}
}
