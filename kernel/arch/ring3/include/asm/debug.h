/* SPDX-License-Identifier: GPL-2.0-only */
/* Debug registers for debuggers in the guest: kernel/debug.c. */
#ifndef _ASM_RING3_DEBUG_H
#define _ASM_RING3_DEBUG_H

#include <linux/types.h>

struct task_struct;
struct pt_regs;

unsigned long r3_debug_get(struct task_struct *task, unsigned int nr);
int r3_debug_set(struct task_struct *task, unsigned int nr, unsigned long val);
void r3_debug_free(struct task_struct *task);
/* Whether the task has to be stepped through. */
bool r3_debug_armed(struct task_struct *task);
/* Before a step of current: true if a breakpoint is there, which then will be passed. */
bool r3_debug_arrived(struct pt_regs *regs);
/* After one: what a SIGTRAP is to say, or 0 for none. Interrupts are on. */
int r3_debug_step(struct pt_regs *regs);

#endif
