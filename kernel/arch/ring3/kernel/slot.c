// SPDX-License-Identifier: GPL-2.0-only
/* Slots that are in use. */
#include <linux/percpu.h>
#include <asm/slot.h>

/* The one that each vCPU resumed last. Its own vCPU looks at it, with interrupts off. */
DEFINE_PER_CPU(struct r3_slot_info *, r3_slot_last);

/* It is going to be freed, after an RCU grace period. */
void r3_slot_forget(unsigned int cpu, struct r3_slot_info *info)
{
	cmpxchg(&per_cpu(r3_slot_last, cpu), info, NULL);
}
