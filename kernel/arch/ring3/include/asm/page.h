/* SPDX-License-Identifier: GPL-2.0-only */
/* Where guest memory lies: see <ring3/layout.h>. */
#ifndef _ASM_RING3_PAGE_H
#define _ASM_RING3_PAGE_H

#include <linux/const.h>
#include <ring3/layout.h>

#if __has_include(<vdso/page.h>)
#include <vdso/page.h>
#else
#define PAGE_SHIFT	12
#define PAGE_SIZE	(_AC(1, UL) << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#endif

#define PAGE_OFFSET	R3_DIRECT_BASE

/*
 * What sanitizers map is behind vmalloc, in the same window of the jail's: KFENCE's
 * pool, and KASAN's shadow of all that lies before it, a byte for eight.
 */
#define R3_SHADOW_BASE	(R3_VMALLOC_BASE + R3_UL(0xc000000000))
#define R3_SHADOW_SIZE	((R3_SHADOW_BASE - R3_DIRECT_BASE) >> 3)
#define R3_KFENCE_SIZE	R3_UL(0x40000000)
#define R3_KFENCE_BASE	(R3_SHADOW_BASE - R3_KFENCE_SIZE)

#ifndef __ASSEMBLY__

#include <linux/types.h>
#include <linux/pfn.h>

typedef struct { unsigned long pte; } pte_t;
typedef struct { unsigned long pmd; } pmd_t;
typedef struct { unsigned long pud; } pud_t;
typedef struct { unsigned long pgd; } pgd_t;
typedef struct { unsigned long pgprot; } pgprot_t;
typedef struct page *pgtable_t;

#define pte_val(x)	((x).pte)
#define pmd_val(x)	((x).pmd)
#define pud_val(x)	((x).pud)
#define pgd_val(x)	((x).pgd)
#define pgprot_val(x)	((x).pgprot)
#define __pte(x)	((pte_t) { (x) })
#define __pmd(x)	((pmd_t) { (x) })
#define __pud(x)	((pud_t) { (x) })
#define __pgd(x)	((pgd_t) { (x) })
#define __pgprot(x)	((pgprot_t) { (x) })

#ifdef CONFIG_KFENCE
extern unsigned long r3_kfence_gpa;
#endif

/* The image is a second mapping of the memory at R3_IMAGE_GPA. */
static __always_inline unsigned long __r3_pa(unsigned long x)
{
#ifdef CONFIG_KFENCE
	if (x >= R3_KFENCE_BASE)
		return x - R3_KFENCE_BASE + r3_kfence_gpa;
#endif
	if (x >= R3_IMAGE_BASE)
		return x - R3_IMAGE_BASE + R3_IMAGE_GPA;
	return x - R3_DIRECT_BASE;
}

#define __pa(x)			__r3_pa((unsigned long)(x))
#define __pa_symbol(x)		((unsigned long)(x) - R3_IMAGE_BASE + R3_IMAGE_GPA)
#define __va(x)			((void *)((unsigned long)(x) + R3_DIRECT_BASE))

#define virt_to_page(kaddr)	pfn_to_page(__pa(kaddr) >> PAGE_SHIFT)
#define page_to_virt(page)	__va(page_to_pfn(page) << PAGE_SHIFT)
#define pfn_to_kaddr(pfn)	__va((unsigned long)(pfn) << PAGE_SHIFT)
#define virt_to_pfn(kaddr)	(__pa(kaddr) >> PAGE_SHIFT)

extern bool __virt_addr_valid(unsigned long kaddr);
#define virt_addr_valid(kaddr)	__virt_addr_valid((unsigned long)(kaddr))

struct page;
struct vm_area_struct;

void clear_page(void *page);
void copy_page(void *to, void *from);
#define clear_user_page(page, vaddr, pg)	clear_page(page)
#define copy_user_page(to, from, vaddr, pg)	copy_page(to, from)

#include <asm/versions.h>
#include <asm-generic/memory_model.h>

#ifndef page_to_phys
#define page_to_phys(page)	((phys_addr_t)page_to_pfn(page) << PAGE_SHIFT)
#define phys_to_page(phys)	pfn_to_page((phys) >> PAGE_SHIFT)
#endif

#ifdef R3_OLD_PFN_VALID
extern unsigned long max_mapnr;
#define pfn_valid(pfn)	((pfn) < max_mapnr)
#endif

#include <asm-generic/getorder.h>

#ifdef CONFIG_RING3_DEBUG_SPACES
#define HAVE_ARCH_FREE_PAGE
#define HAVE_ARCH_ALLOC_PAGE
void arch_free_page(struct page *page, int order);
void arch_alloc_page(struct page *page, int order);
#endif

#define VM_DATA_DEFAULT_FLAGS	VM_DATA_FLAGS_TSK_EXEC

#endif /* !__ASSEMBLY__ */
#endif
