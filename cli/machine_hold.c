// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest that is held: paused by "ring3 pause", waiting for a debugger before its
 * first instruction, or waiting for its dump after a panic. A paused monitor is a
 * stopped process: nothing of the guest has to agree, and it costs no CPU time.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "core.h"
#include "machine.h"
#include "message.h"

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
	hold_init(&m->hold, &m->mem);
	hold_begin(&m->hold, true);
	m->paused = true;
	return 0;
}

static void resume_guest(struct machine *m)
{
	hold_end(&m->hold);
	vmem_close(&m->mem);
	m->paused = false;
}

static void start_guest(struct machine *m)
{
	write_full(m->start_fd, "", 1);
	close(m->start_fd);
	m->start_fd = -1;
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

void machine_release(struct machine *m)
{
	if (m->paused)
		resume_guest(m);
	if (m->start_fd >= 0)
		start_guest(m);
}

static int pair(int ours_theirs[2], struct r3_err *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ours_theirs) < 0)
		return err_set(err, errno, "no socket to hold the guest by: %s", strerror(errno));
	return 0;
}

/* It traces, so it is a process of its own, of which this one waits for the end. */
static void dump_panicked(struct machine *m)
{
	struct guest g = { .name = m->cfg->name, .monitor = m->mon.pid };
	char path[PATH_MAX], when[32];
	time_t now = time(NULL);
	struct r3_err err;
	int status = 1;
	pid_t pid;

	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", localtime(&now));
	snprintf(path, sizeof(path), "%s/%s-%s.core", m->opt->dump_on_panic, m->cfg->name, when);
	if (!realpath(m->opt->kernel, g.kernel))
		snprintf(g.kernel, sizeof(g.kernel), "%s", m->opt->kernel);
	pid = fork();
	if (!pid) {
		status = core_write(&g, path, false, &err);
		if (status)
			message("no dump of the panicked guest: %s", err.msg);
		_exit(status != 0);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (!status)
		message("the panicked guest's memory is in %s", path);
}

static void panicked(void *ctx, short revents)
{
	struct machine *m = ctx;
	char byte;

	loop_unwatch(&m->loop, &m->panic_watch);
	/* Closed: it ends without one. */
	if (read(m->panic_fd, &byte, 1) != 1)
		return;
	dump_panicked(m);
	write_full(m->panic_fd, "", 1);
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
	if (m->paused)
		vmem_close(&m->mem);
	m->paused = false;
	if (m->start_fd >= 0)
		close(m->start_fd);
	if (m->panic_fd >= 0) {
		loop_unwatch(&m->loop, &m->panic_watch);
		close(m->panic_fd);
	}
	m->start_fd = m->panic_fd = -1;
}
