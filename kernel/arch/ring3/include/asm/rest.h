/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_REST_H
#define _ASM_RING3_REST_H

#include <linux/types.h>

/* Has every vCPU rest if this one waits since then, by sched_clock(), for too long. */
void r3_rest_for_waiter(u64 since);
/* The same if the next vCPU takes no interrupts. From this one's timer. */
void r3_rest_for_next(void);

bool r3_rest_wanted(void);
void r3_rest(void);

/* When that vCPU's timer is to come, by sched_clock(); 0: not. From kernel/time.c. */
u64 r3_timer_due(unsigned int cpu);

#endif
