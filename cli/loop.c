// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "loop.h"

/* A guest's agent, console and log, stdio, and clients: a session each, and some more. */
#define MAX_WATCHES	320

int64_t loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

void loop_watch(struct loop *loop, struct watch *w, int fd, short events,
		void (*fn)(void *ctx, short revents), void *ctx)
{
	*w = (struct watch){ .next = loop->watches, .fd = fd, .events = events,
			     .fn = fn, .ctx = ctx, .slot = -1 };
	loop->watches = w;
}

void loop_unwatch(struct loop *loop, struct watch *w)
{
	struct watch **p;

	for (p = &loop->watches; *p; p = &(*p)->next) {
		if (*p == w) {
			*p = w->next;
			break;
		}
	}
	w->fd = -1;
}

void loop_timer(struct loop *loop, struct timer *t, void (*fn)(void *ctx), void *ctx)
{
	*t = (struct timer){ .next = loop->timers, .due = -1, .fn = fn, .ctx = ctx };
	loop->timers = t;
}

void loop_untimer(struct loop *loop, struct timer *t)
{
	struct timer **p;

	for (p = &loop->timers; *p; p = &(*p)->next) {
		if (*p == t) {
			*p = t->next;
			break;
		}
	}
	t->due = -1;
}

void timer_set(struct timer *t, int64_t ms)
{
	t->due = ms < 0 ? -1 : loop_now() + ms;
}

static int next_timeout(struct loop *loop)
{
	int64_t due = -1, left;
	struct timer *t;

	for (t = loop->timers; t; t = t->next)
		if (t->due >= 0 && (due < 0 || t->due < due))
			due = t->due;
	if (due < 0)
		return -1;
	left = due - loop_now();
	if (left < 0)
		return 0;
	/* Rounded up, so as not to wake a moment too early again and again. */
	return left > 3600000 ? 3600000 : (int)left + 1;
}

static void run_timers(struct loop *loop)
{
	int64_t now = loop_now();
	struct timer *t;

again:
	for (t = loop->timers; t; t = t->next) {
		if (t->due >= 0 && t->due <= now) {
			t->due = -1;
			t->fn(t->ctx);
			goto again;	/* the list may have changed */
		}
	}
}

int loop_step(struct loop *loop)
{
	struct pollfd fds[MAX_WATCHES];
	struct watch *w;
	int n = 0, i;

	for (w = loop->watches; w; w = w->next) {
		w->slot = -1;
		if (n == MAX_WATCHES || (!w->events && !w->any))
			continue;
		w->slot = n;
		fds[n++] = (struct pollfd){ .fd = w->fd, .events = w->events };
	}
	if (poll(fds, n, next_timeout(loop)) < 0 && errno != EINTR)
		return -errno;

	for (i = 0; i < n; i++) {
		if (!fds[i].revents)
			continue;
		/* By slot: an earlier callback may have removed this one. */
		for (w = loop->watches; w; w = w->next) {
			if (w->slot == i && w->fd == fds[i].fd) {
				w->slot = -1;
				w->fn(w->ctx, fds[i].revents);
				break;
			}
		}
	}
	run_timers(loop);
	return 0;
}
