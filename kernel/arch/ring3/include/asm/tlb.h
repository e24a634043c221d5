/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_TLB_H
#define _ASM_RING3_TLB_H

#include <asm/versions.h>

struct mmu_gather;
static inline void tlb_flush(struct mmu_gather *tlb);
#ifdef R3_OLD_TABLE_FREE
static inline void __tlb_remove_table(void *table);
#endif
#define tlb_flush tlb_flush

#include <asm-generic/tlb.h>

static inline void tlb_flush(struct mmu_gather *tlb)
{
	if (tlb->fullmm || tlb->need_flush_all)
		r3_space_flush(tlb->mm, 0, R3_TASK_SIZE);
	else if (tlb->end)
		r3_space_flush(tlb->mm, tlb->start, tlb->end);
}

#ifdef R3_OLD_TABLE_FREE
static inline void __tlb_remove_table(void *table)
{
	free_page_and_swap_cache(table);
}
#endif

#endif
