/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_PGALLOC_H
#define _ASM_RING3_PGALLOC_H

#define __HAVE_ARCH_PGD_FREE
#include <asm-generic/pgalloc.h>

static inline void pmd_populate_kernel(struct mm_struct *mm, pmd_t *pmd, pte_t *pte)
{
	set_pmd(pmd, __pmd(_PAGE_TABLE | __pa(pte)));
}

static inline void pmd_populate(struct mm_struct *mm, pmd_t *pmd, pgtable_t pte)
{
	set_pmd(pmd, __pmd(_PAGE_TABLE | ((unsigned long)page_to_pfn(pte) << PAGE_SHIFT)));
}

static inline void pud_populate(struct mm_struct *mm, pud_t *pud, pmd_t *pmd)
{
	set_pud(pud, __pud(_PAGE_TABLE | __pa(pmd)));
}

static inline void p4d_populate(struct mm_struct *mm, p4d_t *p4d, pud_t *pud)
{
	set_p4d(p4d, (p4d_t) { __pgd(_PAGE_TABLE | __pa(pud)) });
}

extern pgd_t *pgd_alloc(struct mm_struct *mm);
static inline void pgd_free(struct mm_struct *mm, pgd_t *pgd)
{
	free_page((unsigned long)pgd);
}

#ifdef R3_OLD_PTDESC
#define __pte_free_tlb(tlb, pte, addr)					\
	do {								\
		pgtable_pte_page_dtor(pte);				\
		tlb_remove_table(tlb, pte);				\
	} while (0)
#define __pmd_free_tlb(tlb, pmd, addr)					\
	do {								\
		pgtable_pmd_page_dtor(virt_to_page(pmd));		\
		tlb_remove_table(tlb, virt_to_page(pmd));		\
	} while (0)
#define __pud_free_tlb(tlb, pud, addr)	tlb_remove_table(tlb, virt_to_page(pud))
#elif defined(R3_OLD_TABLE_FREE)
#define __pte_free_tlb(tlb, pte, addr)					\
	do {								\
		pagetable_pte_dtor(page_ptdesc(pte));			\
		tlb_remove_table(tlb, pte);				\
	} while (0)
#define __pmd_free_tlb(tlb, pmd, addr)					\
	do {								\
		pagetable_pmd_dtor(virt_to_ptdesc(pmd));		\
		tlb_remove_table(tlb, virt_to_page(pmd));		\
	} while (0)
#define __pud_free_tlb(tlb, pud, addr)					\
	do {								\
		pagetable_pud_dtor(virt_to_ptdesc(pud));		\
		tlb_remove_table(tlb, virt_to_page(pud));		\
	} while (0)
#else
#define __pte_free_tlb(tlb, pte, addr)	tlb_remove_ptdesc(tlb, page_ptdesc(pte))
#define __pmd_free_tlb(tlb, pmd, addr)	tlb_remove_ptdesc(tlb, virt_to_ptdesc(pmd))
#define __pud_free_tlb(tlb, pud, addr)	tlb_remove_ptdesc(tlb, virt_to_ptdesc(pud))
#endif

#endif
