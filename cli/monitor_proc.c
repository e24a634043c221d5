// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "monitor_proc.h"
#include "signals.h"
#include "weight.h"

#define MAX_KEPT	(9 + 2 * VM_MAX_DISKS + VM_MAX_PORTS + VM_MAX_NETS + VM_MAX_VHOSTS)

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The monitor has what its configuration names and nothing else. */
static void close_others(const struct vm_config *cfg)
{
	int keep[MAX_KEPT], n = 0, i, last = 2;

	keep[n++] = cfg->kernel_fd;
	keep[n++] = cfg->initrd_fd;
	keep[n++] = cfg->early_console_fd;
	keep[n++] = cfg->channel_fd;
	keep[n++] = cfg->ram_fd;
	keep[n++] = cfg->start_fd;
	keep[n++] = cfg->panic_fd;
	for (i = 0; i < cfg->nr_disks; i++) {
		keep[n++] = cfg->disk[i].fd;
		keep[n++] = cfg->disk[i].cow_fd;
	}
	for (i = 0; i < cfg->nr_ports; i++)
		keep[n++] = cfg->port[i].fd;
	for (i = 0; i < cfg->nr_nets; i++)
		keep[n++] = cfg->net[i].fd;
	for (i = 0; i < cfg->nr_vhosts; i++)
		keep[n++] = cfg->vhost[i].fd;
	if (cfg->nr_vsocks)
		keep[n++] = cfg->vsock.fd;
	qsort(keep, n, sizeof(keep[0]), by_number);
	for (i = 0; i < n; i++) {
		if (keep[i] <= last)
			continue;
		util_close_range(last + 1, keep[i] - 1);
		last = keep[i];
	}
	util_close_range(last + 1, ~0U >> 1);
}

/* dprintf() would ask for more of the host than the jail has. */
static void say(const char *msg)
{
	char line[1100];
	int n = snprintf(line, sizeof(line), "ring3: %s\n", msg);

	write_full(2, line, min_t(int, n, sizeof(line) - 1));
}

static void __attribute__((noreturn)) child(const struct vm_config *cfg, pid_t parent, int log)
{
	struct r3_err err = { 0 };
	int ret, null;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(VM_EXIT_HOST);
	/* Ctrl-C and Ctrl-Z on the terminal are for the guest's command, if at all. */
	setsid();
	weight_take_session();
	signals_default();
	/* To a port whose other end went, or to a disk that may not grow: an error. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(log, 2);
	close_others(cfg);
	prctl(PR_SET_NAME, "ring3-monitor");
	log_open(2, "ring3");

	ret = vm_main(cfg, &err);
	if (ret == VM_EXIT_CONFIG || ret == VM_EXIT_HOST)
		say(err.msg[0] ? err.msg : "the monitor failed without saying why");
	_exit(ret);
}

int monitor_start(struct monitor_proc *mon, const struct vm_config *cfg, struct r3_err *err)
{
	pid_t parent = getpid();
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(err, errno, "no pipe for the monitor: %s", strerror(errno));
	mon->pid = fork();
	if (!mon->pid)
		child(cfg, parent, p[1]);
	close(p[1]);
	if (mon->pid < 0) {
		int e = errno;

		mon->pid = 0;
		close(p[0]);
		return err_set(err, e, "the monitor's process cannot be started: %s%s", strerror(e),
			       e == EAGAIN ? "; raise the limit of processes (ulimit -u)" : "");
	}
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	mon->log_fd = p[0];
	return 0;
}

bool monitor_reap(struct monitor_proc *mon, int *status)
{
	if (!mon->pid || waitpid(mon->pid, status, WNOHANG) != mon->pid)
		return false;
	mon->pid = 0;
	return true;
}

void monitor_kill(struct monitor_proc *mon)
{
	if (mon->pid > 0)
		kill(mon->pid, SIGKILL);
}

void monitor_abandon(struct monitor_proc *mon)
{
	mon->pid = 0;
}
