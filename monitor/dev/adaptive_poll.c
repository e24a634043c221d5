// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device thread that has answered a request looks for the next one a while
 * before it sleeps: to wake it would cost the guest a system call, and the host
 * more time than many a request takes. As with the guest's idle vCPUs
 * (kernel/idle.c), how long is worth it is learnt from every wait, and whatever
 * else wants the host CPU runs between two looks.
 */
#include <sched.h>
#include <stdint.h>
#include <time.h>

#include "base/adaptive.h"
#include "base/util.h"
#include "dev/dev.h"

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static bool wanted(struct dev *dev, unsigned int q)
{
	return virtq_has_chain(&dev->vq[q]) || read_once(dev->page->kicked) ||
	       read_once(dev->page->ctl_seq) != read_once(dev->page->ctl_ack) ||
	       load_acquire(dev->stopping) || load_acquire(dev->poke);
}

void dev_adaptive_found(struct dev *dev)
{
	struct dev_poll *l = &dev->poll;

	if (l->since)
		l->limit = adaptive_learn(l->limit, now_ns() - l->since);
	l->since = 0;
}

bool dev_adaptive_poll(struct dev *dev, unsigned int q)
{
	struct dev_poll *l = &dev->poll;
	int64_t now, start, last;

	if (virtq_has_chain(&dev->vq[q])) {
		dev_adaptive_found(dev);
		return true;
	}
	if (l->since)		/* a kick for nothing */
		return true;
	l->since = start = last = now = now_ns();
	if (start < l->paused_until)
		return true;
	while (!wanted(dev, q) && now - start < l->limit) {
		__builtin_ia32_pause();
		now = now_ns();
		if (now - last < ADAPTIVE_SPIN_NS)
			continue;
		last = now;
		if (dev->ops->ready && dev->ops->ready(dev))
			return false;
		sched_yield();
		now = now_ns();
		if (now - last > ADAPTIVE_LONG_YIELD_NS) {
			l->paused_until = now + ADAPTIVE_PAUSE_NS;
			break;
		}
	}
	if (virtq_has_chain(&dev->vq[q]))
		l->since = 0;
	return true;
}
