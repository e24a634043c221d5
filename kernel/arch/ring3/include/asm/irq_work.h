/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_IRQ_WORK_H
#define _ASM_RING3_IRQ_WORK_H

#include <linux/types.h>
#include <asm/versions.h>

/* Without, such work waits for the next tick, and for a grace period who waits for it. */
static inline bool arch_irq_work_has_interrupt(void)
{
	return IS_ENABLED(R3_IRQ_WORK);
}

#endif
