/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When what happened, for --timing. */
#ifndef R3_TIMING_H
#define R3_TIMING_H

#include <stdint.h>

#include <ring3/agent.h>

/* CLOCK_MONOTONIC in ns; 0: it did not happen. */
struct timing {
	uint64_t start_ns, start_tsc;
	uint64_t command_ns;		/* the command runs */
	uint64_t exit_ns;		/* and ended */
};

void timing_start(struct timing *t);
uint64_t timing_now(void);
/* One line of JSON. */
void timing_write(const struct timing *t, const struct r3_agent_hello *hello, const char *path);

#endif
