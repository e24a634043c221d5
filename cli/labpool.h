/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs of several steps, each a ring3 command, done for many machines at a time: in order
 * where one job waits for another, no more at once than asked for, and ended by a signal.
 */
#ifndef R3_LABPOOL_H
#define R3_LABPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "labchild.h"

struct labstep {
	char *const *argv;
	const char *input;
	const char *what;		/* it does, for messages: "start" */
	bool may_fail;			/* the job goes on */
	bool explains;			/* its words say why it failed, whatever has become of the machine */
	bool ready;			/* with its end the machine is there for those that wait for it */
	/* Tried again until it succeeds: */
	unsigned int tries;		/* 0 and 1: once */
	int64_t interval_ms, timeout_ms, start_ms;
};

enum labjob_state { LABJOB_WAITING, LABJOB_WORKING, LABJOB_PAUSING, LABJOB_DONE, LABJOB_FAILED, LABJOB_SKIPPED };

struct labjob {
	const char *name;
	void *ctx;
	struct labstep *step;
	unsigned int nr_steps;
	const unsigned int *after;	/* jobs that it waits for */
	const bool *after_all;		/* until they are done, not only ready */
	unsigned int nr_after;
	int log;			/* -1: none */
	bool quiet;			/* nothing is said of its end */
	char *const *epilogue;		/* what tells why a machine is gone; NULL: nothing does */

	enum labjob_state state;
	unsigned int at;		/* the step */
	unsigned int tried, asked;
	bool ready, begun, asking;	/* asking: the epilogue is at work */
	bool ending;			/* it is being waited for whether its machine ends */
	int status;			/* of a failed step, as a shell has it */
	int64_t since, step_since;
	struct labchild child;
	struct timer timer;
	struct labpool *pool;
	char why[400];			/* failed or skipped */
};

enum labpool_end { LABPOOL_THERE, LABPOOL_GONE, LABPOOL_ENDED_WELL };

struct labpool {
	struct labjob *job;
	unsigned int nr;
	unsigned int parallel;
	/* A job begins a step, or has got its last state. */
	void (*changed)(struct labpool *pool, struct labjob *job);
	/* What has become of the machine of a job that failed; NULL: not asked. */
	enum labpool_end (*end_of)(struct labpool *pool, struct labjob *job);
	void *ctx;

	struct loop loop;
	struct watch signals;
	int signal_fd;
	int interrupted;		/* the signal, or 0 */
};

/* Until all is done, or a signal has ended it: then nothing of it works any more. 0, or -errno with err set. */
int labpool_run(struct labpool *pool, struct r3_err *err);

#endif
