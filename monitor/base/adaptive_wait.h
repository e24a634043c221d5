/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adaptive polling of a process that waits for descriptors: to be woken costs
 * the host more than many a frame takes, above all where its CPU has gone to
 * sleep. How long is worth it is learnt from every wait, as in adaptive.h, and
 * whatever else wants the CPU runs between two looks.
 */
#ifndef R3_ADAPTIVE_WAIT_H
#define R3_ADAPTIVE_WAIT_H

#include <sched.h>
#include <time.h>

#include "base/adaptive.h"

struct adaptive_wait {
	int64_t limit;			/* of one poll; 0: sleep at once */
	int64_t since;			/* nothing has come since */
	int64_t paused_until;
	int64_t pause;			/* the last; grows where others keep the CPU */
};

/* An answer that goes through two processes takes so long where each is woken on a CPU that sleeps. */
#define ADAPTIVE_WAIT_MAX_NS	(2 * ADAPTIVE_MAX_NS)
#define ADAPTIVE_PAUSE_MAX_NS	(128 * ADAPTIVE_PAUSE_NS)

static inline int64_t adaptive_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* What @look returns once that is not 0; 0: nothing came, so sleep, then adaptive_came(). */
static inline int adaptive_wait(struct adaptive_wait *w, int (*look)(void *arg), void *arg)
{
	int64_t now = adaptive_now(), last;
	int found;

	w->since = now;
	if (!w->limit || now < w->paused_until)
		return 0;
	do {
		found = look(arg);
		if (found) {
			w->pause /= 2;
			return found;
		}
		last = adaptive_now();
		sched_yield();
		now = adaptive_now();
		if (now - last > ADAPTIVE_LONG_YIELD_NS) {
			w->pause = min_t(int64_t, w->pause * 4 + ADAPTIVE_PAUSE_NS, ADAPTIVE_PAUSE_MAX_NS);
			w->paused_until = now + w->pause;
			break;
		}
	} while (now - w->since < w->limit);
	return 0;
}

/* Something came, in the poll or in the sleep after it. */
static inline void adaptive_came(struct adaptive_wait *w)
{
	w->limit = adaptive_learn_to(w->limit, adaptive_now() - w->since, ADAPTIVE_WAIT_MAX_NS);
}

#endif
