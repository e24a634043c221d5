// SPDX-License-Identifier: GPL-2.0-or-later
#include "quota.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "hold.h"
#include "usage.h"

#define PERIOD_NS	100000000LL	/* what may be saved, and how long an idle guest is not looked at */
#define LEAST_MS	4		/* between two looks at a busy one */
#define IDLE_NS		200000		/* used in a period by a guest that does nothing */
#define STOP_MAX_MS	1000

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int64_t burst(const struct quota *q)
{
	return PERIOD_NS / 100 * q->limits.cpu;
}

/* ---- stopping ---- */

static void signal_all(struct quota *q, int sig)
{
	if (!q->group)
		q->group = hold_group(q->monitor);
	if (q->group)
		kill(-q->group, sig);
	kill(q->monitor, sig);
}

static void stop(struct quota *q)
{
	/* A debugger's threads must not be let go by somebody else. */
	if (q->stopped || hold_is_traced(q->monitor))
		return;
	signal_all(q, SIGSTOP);
	q->stopped = true;
	q->stops++;
	q->stopped_at = now_ns();
}

static void go(struct quota *q)
{
	if (!q->stopped)
		return;
	q->stopped = false;
	q->stopped_ns += now_ns() - q->stopped_at;
	signal_all(q, SIGCONT);
}

uint64_t quota_stopped_ns(const struct quota *q)
{
	return q->stopped_ns + (q->stopped ? now_ns() - q->stopped_at : 0);
}

/* ---- processes ---- */

/* Of the parent's children those above the bound, the youngest first; a number may be another's by now. */
static void kill_youngest(struct quota *q, unsigned int surplus)
{
	unsigned int n = 0, i;
	pid_t *pids = usage_children(q->monitor, &n);

	for (i = n; pids && i > 1 && surplus; i--, surplus--) {
		int fd = syscall(SYS_pidfd_open, pids[i - 1], 0);

		if (fd >= 0 && usage_parent(pids[i - 1]) == q->monitor && !syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0))
			q->killed++;
		if (fd >= 0)
			close(fd);
	}
	free(pids);
}

/* ---- counting ---- */

/* Returns what was used since the last time. */
static int64_t count(struct quota *q)
{
	struct usage u;
	int64_t now = now_ns(), used;

	if (usage_read(&u, q->monitor, getpid()))
		return 0;
	/* Those of spaces that have ended come in ticks, so it may seem to go back for a moment. */
	used = (int64_t)(u.monitor_ns + u.spaces_ns + u.backends_ns + u.own_ns - q->used);
	q->left += (now - q->at) / 100 * q->limits.cpu - used;
	if (q->left > burst(q))
		q->left = burst(q);
	q->used += used;
	q->at = now;
	/* The monitor and ring3 run itself are processes, too; the zygote is among the monitor's. */
	if (q->limits.pids && u.processes + 2 > q->limits.pids)
		kill_youngest(q, u.processes + 2 - q->limits.pids);
	return used;
}

static int64_t running(struct quota *q, int64_t used)
{
	int64_t wait;

	if (q->left <= 0) {
		stop(q);
		if (q->stopped)
			return LEAST_MS;
	}
	/* Until it can have used all, with its CPUs and what serves it at work. */
	wait = q->left / (q->cpus + 1) / 1000000;
	if (used < IDLE_NS && wait < PERIOD_NS / 1000000)
		wait = PERIOD_NS / 1000000;
	return wait < LEAST_MS ? LEAST_MS : wait;
}

static int64_t stopped(struct quota *q)
{
	int64_t missing = burst(q) / 2 - q->left, wait;

	if (missing <= 0) {
		go(q);
		return running(q, IDLE_NS);
	}
	wait = missing / q->limits.cpu * 100 / 1000000 + 1;
	return wait > STOP_MAX_MS ? STOP_MAX_MS : wait;
}

static void look(void *ctx)
{
	struct quota *q = ctx;
	int64_t used;

	if (!q->monitor)
		return;
	used = count(q);
	if (!q->limits.cpu) {
		go(q);
		timer_set(&q->timer, q->limits.pids ? PERIOD_NS / 1000000 : -1);
		return;
	}
	timer_set(&q->timer, q->stopped ? stopped(q) : running(q, used));
}

/* ---- weight ---- */

static bool nice_is(pid_t tid, int nice, int *error)
{
	if (!setpriority(PRIO_PROCESS, tid, nice) || errno == ESRCH)
		return true;
	*error = errno;
	return false;
}

static int nice_threads(pid_t pid, int nice)
{
	char path[64];
	struct dirent *entry;
	int error = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir && !nice_is(pid, nice, &error))
		return -error;
	while (dir && (entry = readdir(dir)))
		if (atoi(entry->d_name) > 0)
			nice_is(atoi(entry->d_name), nice, &error);
	if (dir)
		closedir(dir);
	return -error;
}

static int nice_children(pid_t parent, int nice)
{
	unsigned int n = 0, i;
	pid_t *pids = usage_children(parent, &n);
	int ret = 0;

	for (i = 0; pids && i < n; i++)
		ret = nice_threads(pids[i], nice) ?: ret;
	free(pids);
	return ret;
}

static int refused(unsigned int weight, int e, struct r3_err *err)
{
	return err_set(err, e, "a weight of %u is more than this host lets you give: %s; root may, and whom ulimit -e allows it", weight,
		       e == EACCES || e == EPERM ? "nice values are only raised without that right" : "setpriority failed");
}

static int set_weight(struct quota *q, unsigned int weight, struct r3_err *err)
{
	int nice = limits_nice(weight), ret = nice_threads(getpid(), nice), i;

	/* What starts meanwhile has it from who starts it; twice, as that one may have been late. */
	for (i = 0; !ret && i < 2; i++) {
		ret = nice_children(getpid(), nice);
		if (!ret && q->monitor)
			ret = nice_children(q->monitor, nice);
	}
	if (!ret && q->monitor && hold_session_nice(q->monitor, nice))
		ret = -EPERM;
	return ret ? refused(weight, -ret, err) : 0;
}

int quota_weight_own(unsigned int weight, struct r3_err *err)
{
	if (!weight || !setpriority(PRIO_PROCESS, 0, limits_nice(weight)))
		return 0;
	return refused(weight, errno, err);
}

/* ---- begin, change, end ---- */

void quota_init(struct quota *q, struct loop *loop, const struct limits *limits, unsigned int cpus)
{
	*q = (struct quota){ .loop = loop, .limits = *limits, .cpus = cpus };
	loop_timer(loop, &q->timer, look, q);
}

static void count_from_now(struct quota *q)
{
	struct usage u;

	q->at = now_ns();
	q->left = burst(q);
	q->used = usage_read(&u, q->monitor, getpid()) ? 0 : u.monitor_ns + u.spaces_ns + u.backends_ns + u.own_ns;
}

void quota_begin(struct quota *q, pid_t monitor)
{
	q->monitor = monitor;
	q->group = 0;
	if (!q->limits.cpu && !q->limits.pids)
		return;
	count_from_now(q);
	timer_set(&q->timer, LEAST_MS);
}

void quota_end(struct quota *q)
{
	if (q->stopped)
		q->stopped_ns += now_ns() - q->stopped_at;
	q->stopped = false;
	q->monitor = 0;
	timer_set(&q->timer, -1);
}

int quota_set(struct quota *q, const struct limits *limits, struct r3_err *err)
{
	int ret = 0;

	if (limits->weight != q->limits.weight)
		ret = set_weight(q, limits->weight ? limits->weight : LIMITS_WEIGHT_USUAL, err);
	if (ret)
		return ret;
	q->limits = *limits;
	if (!q->monitor)
		return 0;
	count_from_now(q);
	look(q);
	return 0;
}
