// SPDX-License-Identifier: GPL-2.0-or-later
#include "labpool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "cli.h"
#include "signals.h"

#define ENDING_MS	100
#define ENDING_TRIES	30

static bool is_over(const struct labjob *j)
{
	return j->state == LABJOB_DONE || j->state == LABJOB_FAILED || j->state == LABJOB_SKIPPED;
}

static void finish(struct labpool *pool, struct labjob *j, enum labjob_state state)
{
	j->state = state;
	timer_set(&j->timer, -1);
	pool->changed(pool, j);
}

static struct labstep *step_of(struct labjob *j)
{
	return &j->step[j->at];
}

static void begin_step(struct labpool *pool, struct labjob *j)
{
	struct labstep *s = step_of(j);
	struct r3_err err;

	j->state = LABJOB_WORKING;
	if (!j->tried++) {
		j->step_since = loop_now();
		pool->changed(pool, j);
	}
	if (labchild_start(&j->child, &pool->loop, s->argv, s->input, j->log, &err)) {
		snprintf(j->why, sizeof(j->why), "%.300s", err.msg);
		finish(pool, j, LABJOB_FAILED);
		return;
	}
	timer_set(&j->timer, s->timeout_ms ? s->timeout_ms : -1);
}

/* ---- the end of a step ---- */

static void step_failed(struct labpool *pool, struct labjob *j, int status)
{
	const struct labstep *s = step_of(j);
	enum labpool_end end;
	struct r3_err err;

	j->status = status;
	/* What fails while it starts does not count. */
	if (s->start_ms && loop_now() - j->step_since < s->start_ms)
		j->tried = 1;
	if (j->tried < s->tries) {
		j->state = LABJOB_PAUSING;
		timer_set(&j->timer, s->interval_ms);
		return;
	}
	snprintf(j->why, sizeof(j->why), "%s ended with status %d", s->what, status);
	end = pool->end_of && j->epilogue && !s->explains ? pool->end_of(pool, j) : LABPOOL_THERE;
	/* A guest that ends refuses commands first, and is gone a little later. */
	j->ending = end == LABPOOL_THERE && (status == CLI_ENDED || status == CLI_START) && j->asked++ < ENDING_TRIES;
	if (j->ending) {
		j->state = LABJOB_PAUSING;
		timer_set(&j->timer, ENDING_MS);
		return;
	}
	if (end == LABPOOL_ENDED_WELL) {
		j->ready = true;
		finish(pool, j, LABJOB_DONE);
		return;
	}
	/* What could not be done with it is no news then. */
	if (end == LABPOOL_GONE && !labchild_start(&j->child, &pool->loop, j->epilogue, NULL, j->log, &err)) {
		snprintf(j->why, sizeof(j->why), "it ended at %s", s->what);
		j->asking = true;
		return;
	}
	finish(pool, j, LABJOB_FAILED);
}

static void step_ended(struct labpool *pool, struct labjob *j, int status)
{
	const struct labstep *s = step_of(j);

	labchild_ended(&j->child);
	timer_set(&j->timer, -1);
	if (pool->interrupted)
		return;
	if (j->asking) {
		finish(pool, j, LABJOB_FAILED);
		return;
	}
	if (status && (!s->may_fail || (j->epilogue && (status == CLI_ENDED || status == CLI_START)))) {
		step_failed(pool, j, status);
		return;
	}
	if (s->ready)
		j->ready = true;
	j->at++;
	j->tried = 0;
	if (j->at < j->nr_steps) {
		begin_step(pool, j);
		return;
	}
	j->ready = true;
	finish(pool, j, LABJOB_DONE);
}

static void time_over(void *ctx)
{
	struct labjob *j = ctx;

	if (j->ending) {
		j->ending = false;
		step_failed(j->pool, j, j->status);
	} else if (j->state == LABJOB_PAUSING) {
		begin_step(j->pool, j);
	} else if (j->child.pid) {
		/* Its guest hangs up on the command then; it is reaped like any other. */
		kill(j->child.pid, SIGKILL);
	}
}

/* ---- which job is next ---- */

static const struct labjob *failed_before(struct labpool *pool, const struct labjob *j)
{
	unsigned int i;

	for (i = 0; i < j->nr_after; i++) {
		const struct labjob *other = &pool->job[j->after[i]];

		if (other->state == LABJOB_FAILED || other->state == LABJOB_SKIPPED)
			return other;
	}
	return NULL;
}

static bool may_begin(struct labpool *pool, const struct labjob *j)
{
	unsigned int i;

	for (i = 0; i < j->nr_after; i++) {
		const struct labjob *other = &pool->job[j->after[i]];

		if (j->after_all && j->after_all[i] ? other->state != LABJOB_DONE : !other->ready)
			return false;
	}
	return true;
}

/* Who only waits for health does not keep others from starting. */
static unsigned int nr_working(const struct labpool *pool)
{
	unsigned int i, n = 0;

	for (i = 0; i < pool->nr; i++)
		n += (pool->job[i].state == LABJOB_WORKING || pool->job[i].state == LABJOB_PAUSING) && !pool->job[i].ready;
	return n;
}

static void advance(struct labpool *pool)
{
	unsigned int i;
	bool moved = true;

	while (moved && !pool->interrupted) {
		moved = false;
		for (i = 0; i < pool->nr; i++) {
			struct labjob *j = &pool->job[i];
			const struct labjob *other;

			if (j->state != LABJOB_WAITING)
				continue;
			other = failed_before(pool, j);
			if (other) {
				snprintf(j->why, sizeof(j->why), "it waits for %s", other->name);
				finish(pool, j, LABJOB_SKIPPED);
				moved = true;
			} else if (may_begin(pool, j) && nr_working(pool) < pool->parallel) {
				j->since = loop_now();
				j->begun = true;
				moved = true;
				if (j->nr_steps) {
					begin_step(pool, j);
					continue;
				}
				j->ready = true;
				finish(pool, j, LABJOB_DONE);
			}
		}
	}
}

/* ---- signals ---- */

static void reap(struct labpool *pool)
{
	unsigned int i;
	int status;

	for (i = 0; i < pool->nr; i++) {
		struct labjob *j = &pool->job[i];

		if (j->child.pid && waitpid(j->child.pid, &status, WNOHANG) == j->child.pid)
			step_ended(pool, j, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
}

static void interrupt(struct labpool *pool, int sig)
{
	unsigned int i;

	if (!pool->interrupted)
		pool->interrupted = sig;
	for (i = 0; i < pool->nr; i++) {
		timer_set(&pool->job[i].timer, -1);
		if (pool->job[i].child.pid)
			kill(pool->job[i].child.pid, SIGKILL);
	}
}

static void take_signal(void *ctx, short revents)
{
	struct labpool *pool = ctx;
	struct signalfd_siginfo info;

	if (read(pool->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		reap(pool);
		break;
	case SIGINT:
	case SIGTERM:
	case SIGHUP:
	case SIGQUIT:
		interrupt(pool, info.ssi_signo);
		break;
	case SIGTSTP:
		kill(getpid(), SIGSTOP);
		break;
	}
}

static bool is_busy(const struct labpool *pool)
{
	unsigned int i;

	for (i = 0; i < pool->nr; i++)
		if (pool->job[i].child.pid || (!pool->interrupted && !is_over(&pool->job[i])))
			return true;
	return false;
}

int labpool_run(struct labpool *pool, struct r3_err *err)
{
	unsigned int i;
	int ret = 0;

	pool->signal_fd = signals_open(err);
	if (pool->signal_fd < 0)
		return pool->signal_fd;
	loop_watch(&pool->loop, &pool->signals, pool->signal_fd, POLLIN, take_signal, pool);
	for (i = 0; i < pool->nr; i++) {
		pool->job[i].pool = pool;
		loop_timer(&pool->loop, &pool->job[i].timer, time_over, &pool->job[i]);
	}
	advance(pool);
	while (!ret && is_busy(pool)) {
		ret = loop_step(&pool->loop);
		if (ret)
			err_set(err, ret, "poll: %s", strerror(-ret));
		advance(pool);
	}
	for (i = 0; i < pool->nr; i++)
		loop_untimer(&pool->loop, &pool->job[i].timer);
	loop_unwatch(&pool->loop, &pool->signals);
	close(pool->signal_fd);
	return ret;
}
