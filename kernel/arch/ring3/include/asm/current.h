/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_CURRENT_H
#define _ASM_RING3_CURRENT_H

#ifndef __ASSEMBLY__

#include <linux/compiler.h>

struct task_struct;

/* Per-CPU; written only by a context switch, so a reader may keep the value. */
static __always_inline struct task_struct *get_current(void)
{
	struct task_struct *task;

	asm("movq %%gs:r3_current_task(%%rip), %0" : "=r" (task));
	return task;
}

#define current get_current()

#endif
#endif
