// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest that is held: paused by "ring3 pause", waiting for a debugger before its
 * first instruction, or waiting for its dump after a panic. A paused monitor is a
 * stopped process: nothing of the guest has to agree, and it costs no CPU time.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "core.h"
#include "machine.h"
#include "message.h"
#include "signals.h"

#define DUMPS_MAX	3

static int pause_guest(struct machine *m, struct r3_err *err)
{
	int ret;

	if (m->paused)
		return err_set(err, EALREADY, "the guest %s is paused already; \"ring3 resume %s\" lets it go on", m->cfg->name, m->cfg->name);
	if (m->end != END_NONE || !m->mon.pid)
		return err_set(err, EAGAIN, "the guest %s is ending, or starts anew", m->cfg->name);
	if (m->start_fd >= 0)
		return err_set(err, EBUSY, "the guest %s waits for a debugger: \"ring3 debug %s\"", m->cfg->name, m->cfg->name);
	if (hold_is_traced(m->mon.pid))
		return err_set(err, EBUSY, "a debugger has the guest %s: it holds it itself", m->cfg->name);
	ret = vmem_open(&m->mem, m->mon.pid, m->cfg->name, err);
	if (ret)
		return ret;
	quota_end(&m->quota);
	hold_init(&m->hold, &m->mem);
	hold_begin(&m->hold, true);
	m->paused = true;
	return 0;
}

static void resume_guest(struct machine *m)
{
	hold_end(&m->hold);
	hold_close(&m->hold);
	vmem_close(&m->mem);
	m->paused = false;
	quota_begin(&m->quota, m->mon.pid);
}

static void start_guest(struct machine *m)
{
	write_full(m->start_fd, "", 1);
	close(m->start_fd);
	m->start_fd = -1;
	quota_begin(&m->quota, m->mon.pid);
}

int machine_order(struct machine *m, const char *op, struct r3_err *err)
{
	if (!strcmp(op, "pause"))
		return pause_guest(m, err);
	if (!strcmp(op, "resume")) {
		if (!m->paused)
			return err_set(err, EALREADY, "the guest %s is not paused", m->cfg->name);
		resume_guest(m);
		return 0;
	}
	if (m->start_fd < 0)
		return err_set(err, EALREADY, "the guest %s has been started already", m->cfg->name);
	start_guest(m);
	return 0;
}

static int pair(int ours_theirs[2], struct r3_err *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ours_theirs) < 0)
		return err_set(err, errno, "no socket to hold the guest by: %s", strerror(errno));
	return 0;
}

/* ---- dumps after a panic ---- */

static void let_go(struct machine *m)
{
	if (m->panic_fd >= 0)
		write_full(m->panic_fd, "", 1);
}

static void __attribute__((noreturn)) dump(struct machine *m, pid_t parent)
{
	struct guest g = { .name = m->cfg->name, .monitor = m->mon.pid };
	struct r3_err err;
	int ret;

	signals_default();
	/* It has the locks of the guest's names. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (!realpath(m->opt->kernel, g.kernel))
		snprintf(g.kernel, sizeof(g.kernel), "%s", m->opt->kernel);
	ret = core_write(&g, m->dump_path, false, &err);
	if (ret)
		message("no dump of the panicked guest: %s", err.msg);
	_exit(ret != 0);
}

/* It traces, and may take minutes, so it is a process of its own. */
static bool dump_begin(struct machine *m)
{
	pid_t parent = getpid();
	time_t now = time(NULL);
	char when[32];

	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", localtime(&now));
	snprintf(m->dump_path, sizeof(m->dump_path), "%s/%s-%s.core", m->opt->dump_on_panic, m->cfg->name, when);
	m->dump = fork();
	if (!m->dump)
		dump(m, parent);
	if (m->dump < 0) {
		message("no dump of the panicked guest: no process for it: %s", strerror(errno));
		m->dump = 0;
	}
	return m->dump;
}

void machine_dump_reap(struct machine *m)
{
	int status;

	if (!m->dump || waitpid(m->dump, &status, WNOHANG) != m->dump)
		return;
	m->dump = 0;
	if (!status) {
		m->dumps++;
		message("the panicked guest's memory is in %s", m->dump_path);
	}
	let_go(m);
}

/* The monitor is gone, or is to be: nobody waits for a large guest's memory who stops it. */
static void dump_end(struct machine *m)
{
	char part[PATH_MAX + 32];

	if (!m->dump)
		return;
	kill(m->dump, SIGKILL);
	waitpid(m->dump, NULL, 0);
	core_part(part, sizeof(part), m->dump_path, m->dump);
	unlink(part);
	m->dump = 0;
	message("no dump of the panicked guest: it was ended meanwhile");
}

static void panicked(void *ctx, short revents)
{
	struct machine *m = ctx;
	char byte;

	loop_unwatch(&m->loop, &m->panic_watch);
	/* Closed: it ends without one. */
	if (read(m->panic_fd, &byte, 1) != 1)
		return;
	/* A guest that is started again may panic for ever. */
	if (m->dumps >= DUMPS_MAX)
		message("the guest panicked again: there are %d dumps of it already, so none is written", DUMPS_MAX);
	if (m->dumps >= DUMPS_MAX || !dump_begin(m))
		let_go(m);
}

void machine_release(struct machine *m)
{
	if (m->dump) {
		dump_end(m);
		let_go(m);
	}
	if (m->paused)
		resume_guest(m);
	if (m->start_fd >= 0)
		start_guest(m);
}

/* The monitor's ends are closed by the caller when it has them. */
int machine_hold_pipes(struct machine *m, bool first, int monitors[2], struct r3_err *err)
{
	int fd[2], ret = 0;

	monitors[0] = monitors[1] = -1;
	if (m->opt->debug && first) {
		ret = pair(fd, err);
		if (ret)
			return ret;
		m->start_fd = fd[0];
		monitors[0] = fd[1];
	}
	if (m->opt->dump_on_panic) {
		ret = pair(fd, err);
		if (ret)
			return ret;
		m->panic_fd = fd[0];
		loop_watch(&m->loop, &m->panic_watch, fd[0], POLLIN, panicked, m);
		monitors[1] = fd[1];
	}
	return 0;
}

void machine_hold_closed(struct machine *m)
{
	dump_end(m);
	if (m->paused) {
		hold_close(&m->hold);
		vmem_close(&m->mem);
	}
	m->paused = false;
	if (m->start_fd >= 0)
		close(m->start_fd);
	if (m->panic_fd >= 0) {
		loop_unwatch(&m->loop, &m->panic_watch);
		close(m->panic_fd);
	}
	m->start_fd = m->panic_fd = -1;
}
