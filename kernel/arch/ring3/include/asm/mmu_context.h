/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_MMU_CONTEXT_H
#define _ASM_RING3_MMU_CONTEXT_H

#include <linux/mm_types.h>
#include <asm/fpu.h>
#include <asm/rewrite.h>

#define init_new_context init_new_context
int init_new_context(struct task_struct *tsk, struct mm_struct *mm);

void r3_fork_begin(struct mm_struct *oldmm, struct mm_struct *mm);
void r3_forked(struct mm_struct *oldmm, struct mm_struct *mm);

#define destroy_context destroy_context
void destroy_context(struct mm_struct *mm);

/* The vCPU thread runs in the monitor's address space whatever the mm. */
static inline void switch_mm(struct mm_struct *prev, struct mm_struct *next,
			     struct task_struct *tsk)
{
}

/* The space may go with its mm: take the user's vector state out of it. */
#define deactivate_mm(tsk, mm)	r3_fpu_save(tsk)

/* Both find their pages write-protected. */
static inline int arch_dup_mmap(struct mm_struct *oldmm, struct mm_struct *mm)
{
	r3_forked(oldmm, mm);
	r3_rewrite_fork(oldmm, mm);
	WRITE_ONCE(oldmm->context.fresh, true);
	return 0;
}

/* Nobody uses it any more: nothing of it runs in its space. */
void r3_space_leave(struct mm_struct *mm);
#define arch_exit_mmap r3_space_leave

/* Of Linux before 6.12. */
static inline void arch_unmap(struct mm_struct *mm, unsigned long start, unsigned long end)
{
}

static inline bool arch_vma_access_permitted(struct vm_area_struct *vma, bool write,
					     bool execute, bool foreign)
{
	return true;
}

#include <asm-generic/mmu_context.h>

#endif
