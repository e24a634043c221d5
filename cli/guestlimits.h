/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest may take of its host at most, beside memory: words of options, and what they mean. */
#ifndef R3_GUESTLIMITS_H
#define R3_GUESTLIMITS_H

#include <stdbool.h>

#include "base/err.h"

#define LIMITS_WEIGHT_MAX	10000
#define LIMITS_WEIGHT_USUAL	100
#define LIMITS_PIDS_MIN		32
#define LIMITS_PIDS_MAX		32768

struct limits {
	unsigned int cpu;	/* hundredths of one CPU; 0: no bound */
	unsigned int weight;	/* 0: as whoever started it */
	unsigned int pids;	/* processes on the host; 0: no bound */
};

/* Is it one of the options of limits? Then *ret is 0, or -errno with err set. */
bool limits_option(struct limits *l, const char *option, const char *value, int *ret, struct r3_err *err);

/* Is all of it possible, for a guest with so many CPUs? */
int limits_check(const struct limits *l, unsigned int cpus, struct r3_err *err);

/* The nice value that has a thread get weight/100 of what others get; from -20 to 19. */
int limits_nice(unsigned int weight);

#endif
