/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounds of processor time and of processes, held by the parent of the guest where no
 * cgroup does: see docs/machines.md, "Limits".
 *
 * Theory of operation: time that may be used comes at the rate of the bound, up to what
 * a tenth of a second brings. What was used is the sum of the clocks of all processes
 * of the guest; who used more than there was is stopped, vCPUs and spaces, until it is
 * paid. The guest's clocks go on meanwhile, as those of a virtual machine whose host is
 * busy. Nothing of the guest has to agree, and a kernel that was taken over has no way
 * to go on: it is stopped, too. Back ends work only for the guest, so they are counted
 * and not stopped.
 */
#ifndef R3_QUOTA_H
#define R3_QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "guestlimits.h"
#include "hold.h"
#include "loop.h"

struct quota {
	struct loop *loop;
	struct timer timer;
	struct limits limits;		/* with those that were asked for last */
	unsigned int cpus;		/* of the guest */
	pid_t monitor;			/* 0: no guest runs, or it is held by others */
	struct hold_group group;	/* of the spaces */
	bool stopped;
	int64_t at;			/* when it was counted last, ns */
	uint64_t used;			/* processor time until then, ns */
	int64_t left;			/* ns that may be used; negative: too many were, also by who ran before */
	int64_t stopped_at;
	uint64_t stopped_ns, stops;	/* ever */
	uint64_t killed;		/* processes above the bound */
};

void quota_init(struct quota *q, struct loop *loop, const struct limits *limits, unsigned int cpus);

/* A monitor has started, or what held it has let it go. What was used too much before is still owed. */
void quota_begin(struct quota *q, pid_t monitor);
/* It has ended, or others hold it from now on: it is neither stopped nor let go any more. */
void quota_end(struct quota *q);

/* New bounds, also of a @monitor that is held; 0: none runs. 0, or -errno with err set, and then nothing has changed. */
int quota_set(struct quota *q, const struct limits *limits, pid_t monitor, struct r3_err *err);

/* How long it was stopped, ever. */
uint64_t quota_stopped_ns(const struct quota *q);

/* A child has ended, and was not reaped: what it used last is counted. */
void quota_last(struct quota *q);

#endif
