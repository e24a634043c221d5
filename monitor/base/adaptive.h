/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adaptive polling: how long it is worth to poll, by how long the last waits were. In ns. */
#ifndef R3_ADAPTIVE_H
#define R3_ADAPTIVE_H

#include <stdint.h>

#include "base/util.h"

#define ADAPTIVE_MIN_NS		20000
#define ADAPTIVE_MAX_NS		100000
#define ADAPTIVE_SPIN_NS	1000		/* between two yields */
#define ADAPTIVE_LONG_YIELD_NS	50000		/* somebody else ran */
#define ADAPTIVE_PAUSE_NS	1000000		/* after that, without polling */

/* Return: the next @limit, at most @max, after something came @waited later; 0: sleep at once. */
static inline int64_t adaptive_learn_to(int64_t limit, int64_t waited, int64_t max)
{
	if (waited > max)
		limit /= 2;
	else if (waited > limit)
		limit = limit ? min_t(int64_t, limit * 2, max) : ADAPTIVE_MIN_NS;
	return limit < ADAPTIVE_MIN_NS ? 0 : limit;
}

static inline int64_t adaptive_learn(int64_t limit, int64_t waited)
{
	return adaptive_learn_to(limit, waited, ADAPTIVE_MAX_NS);
}

#endif
