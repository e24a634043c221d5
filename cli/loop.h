/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop of a command: descriptors and timers with callbacks, one
 * thread. A callback may add and remove any watch or timer, its own included.
 */
#ifndef R3_LOOP_H
#define R3_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct watch {
	struct watch *next;
	int fd;				/* -1: removed */
	short events;			/* as in poll(); may be changed at any time */
	bool any;			/* call also for a hang-up alone, with events 0 */
	void (*fn)(void *ctx, short revents);
	void *ctx;
	int slot;
};

struct timer {
	struct timer *next;
	int64_t due;			/* CLOCK_MONOTONIC in ms, -1: off */
	void (*fn)(void *ctx);
	void *ctx;
};

struct loop {
	struct watch *watches;
	struct timer *timers;
};

/* Both live in their owner until they are removed. */
void loop_watch(struct loop *loop, struct watch *w, int fd, short events,
		void (*fn)(void *ctx, short revents), void *ctx);
void loop_unwatch(struct loop *loop, struct watch *w);
void loop_timer(struct loop *loop, struct timer *t, void (*fn)(void *ctx), void *ctx);
void loop_untimer(struct loop *loop, struct timer *t);

/* Fires once, in @ms from now; negative: never. */
void timer_set(struct timer *t, int64_t ms);

int64_t loop_now(void);

/* Waits for something to happen and does it. 0 or -errno. */
int loop_step(struct loop *loop);

#endif
