/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_FORCED_YIELD_H
#define _ASM_RING3_FORCED_YIELD_H

#include <linux/types.h>

/* Forces a yield of all vCPUs if one takes no interrupts. From this one's timer. */
void r3_forced_yield_for_others(void);

/* Is it time to? */
bool r3_forced_yield_wanted(void);
/* Sleeps that long. User code does not run, interrupts are off. */
void r3_forced_yield(void);

/* When that vCPU's timer is to come, by sched_clock(); 0: not. From kernel/time.c. */
u64 r3_timer_due(unsigned int cpu);

#endif
