// SPDX-License-Identifier: GPL-2.0-or-later
/* Signals to `ring3 run`: most are the command's, as they are under ssh. */
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "machine.h"
#include "signals.h"

static void ask_to_end(struct machine *m, int sig)
{
	m->asked = true;
	/* A command may have its own way to take it; once. */
	if (m->session.loop && m->session.started && !m->session.over && m->end == END_NONE &&
	    m->grace.due < 0) {
		session_signal(&m->session, sig);
		if (sig == SIGTERM || sig == SIGHUP) {
			m->status = 128 + sig;
			timer_set(&m->grace, 10000);
		}
		return;
	}
	if (m->end == END_NONE)
		m->status = 128 + sig;
	machine_stop(m, END_SIGNAL, 128 + sig, m->grace.due >= 0 && !m->opt->init);
}

static void resize(struct machine *m)
{
	struct r3_agent_winsize size;

	if (m->session.loop) {
		session_resize(&m->session);
	} else if (m->opt->init && m->agent.ready) {
		term_size(1, 0, &size);
		agent_console_size(&m->agent, &size);
	}
}

static void signal_ready(void *ctx, short revents)
{
	struct machine *m = ctx;
	struct signalfd_siginfo info;
	int status;

	if (read(m->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		quota_last(&m->quota);
		if (monitor_reap(&m->mon, &status))
			machine_monitor_ended(m, status);
		machine_dump_reap(m);
		net_reap(m->net);
		vhosts_reap(m->cfg->vhosts);
		vsock_reap(m->cfg->vsock);
		plugs_reap(m);
		break;
	case SIGWINCH:
		resize(m);
		break;
	case SIGTSTP:
		session_suspend(&m->session);
		break;
	default:
		ask_to_end(m, info.ssi_signo);
	}
}

int machine_take_signals(struct machine *m, struct r3_err *err)
{
	m->signal_fd = signals_open(err);
	if (m->signal_fd < 0)
		return m->signal_fd;
	loop_watch(&m->loop, &m->signal_watch, m->signal_fd, POLLIN, signal_ready, m);
	return 0;
}
