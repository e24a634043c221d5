// SPDX-License-Identifier: GPL-2.0-or-later
#include "quota.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "usage.h"
#include "weight.h"

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
	hold_group_signal(&q->group, sig);
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

/* ---- begin, change, end ---- */

void quota_init(struct quota *q, struct loop *loop, const struct limits *limits, unsigned int cpus)
{
	*q = (struct quota){ .loop = loop, .limits = *limits, .cpus = cpus };
	loop_timer(loop, &q->timer, look, q);
}

static void count_from_now(struct quota *q)
{
	struct usage u;
	int64_t now = now_ns();

	/* A guest that starts anew pays what it owes as any other does. */
	q->left = q->at && q->limits.cpu ? q->left + (now - q->at) / 100 * q->limits.cpu : burst(q);
	if (q->left > burst(q))
		q->left = burst(q);
	q->at = now;
	q->used = usage_read(&u, q->monitor, getpid()) ? 0 : u.monitor_ns + u.spaces_ns + u.backends_ns + u.own_ns;
}

void quota_begin(struct quota *q, pid_t monitor)
{
	q->monitor = monitor;
	hold_group_init(&q->group, monitor);
	if (!q->limits.cpu && !q->limits.pids)
		return;
	count_from_now(q);
	timer_set(&q->timer, LEAST_MS);
}

void quota_last(struct quota *q)
{
	if (q->monitor && (q->limits.cpu || q->limits.pids))
		count(q);
}

void quota_end(struct quota *q)
{
	if (q->monitor)
		hold_group_close(&q->group);
	if (q->stopped)
		q->stopped_ns += now_ns() - q->stopped_at;
	q->stopped = false;
	q->monitor = 0;
	timer_set(&q->timer, -1);
}

int quota_set(struct quota *q, const struct limits *limits, pid_t monitor, struct r3_err *err)
{
	int ret = 0;

	if (limits->weight != q->limits.weight)
		ret = weight_set(monitor, limits->weight ? limits->weight : LIMITS_WEIGHT_USUAL, err);
	if (ret)
		return ret;
	/* Who is given another bound begins with it. */
	if (limits->cpu != q->limits.cpu)
		q->at = 0;
	q->limits = *limits;
	if (!q->monitor)
		return 0;
	count_from_now(q);
	look(q);
	return 0;
}
