/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_SWITCH_TO_H
#define _ASM_RING3_SWITCH_TO_H

struct task_struct;

struct task_struct *__switch_to_asm(struct task_struct *prev, struct task_struct *next);
struct task_struct *__switch_to(struct task_struct *prev, struct task_struct *next);

/* What __switch_to_asm leaves on a stack, lowest address first. drgn knows it by these names, which are x86's. */
struct inactive_task_frame {
	unsigned long r15, r14, r13, r12, bx, bp;
	unsigned long ret_addr;
};

#define switch_to(prev, next, last) \
	((last) = __switch_to_asm(prev, next))

#endif
