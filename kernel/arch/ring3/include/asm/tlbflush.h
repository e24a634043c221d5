/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A TLB flush takes mappings away from a space, and is complete when the
 * space's manager has acknowledged it and no vCPU is inside a copy that found
 * its page before the tables changed. See mm/space.c and mm/uaccess.c.
 */
#ifndef _ASM_RING3_TLBFLUSH_H
#define _ASM_RING3_TLBFLUSH_H

#include <linux/mm_types.h>

void r3_space_flush(struct mm_struct *mm, unsigned long start, unsigned long end);

static inline void flush_tlb_mm(struct mm_struct *mm)
{
	r3_space_flush(mm, 0, R3_TASK_SIZE);
}

static inline void flush_tlb_page(struct vm_area_struct *vma, unsigned long addr)
{
	r3_space_flush(vma->vm_mm, addr & PAGE_MASK, (addr & PAGE_MASK) + PAGE_SIZE);
}

static inline void flush_tlb_range(struct vm_area_struct *vma, unsigned long start,
				   unsigned long end)
{
	r3_space_flush(vma->vm_mm, start, end);
}

void flush_tlb_all(void);
void flush_tlb_kernel_range(unsigned long start, unsigned long end);

#endif
