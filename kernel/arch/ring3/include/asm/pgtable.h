/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86-64's own page table format, four levels, walked by software only: what
 * a space really maps is a cache of it (mm/space.c). Three bits that hardware
 * leaves to us say what the cache holds for an entry: R3_MAPPED is set once
 * the page is mapped in the space, R3_MAPPED_W and R3_MAPPED_X if writable and
 * executable there. Generic code never sets them and may lose them: a flush
 * unmaps whatever it does not find flagged.
 */
#ifndef _ASM_RING3_PGTABLE_H
#define _ASM_RING3_PGTABLE_H

#include <asm/page.h>
#include <asm-generic/pgtable-nop4d.h>

#define PGDIR_SHIFT	39
#define PTRS_PER_PGD	512
#define PUD_SHIFT	30
#define PTRS_PER_PUD	512
#define PMD_SHIFT	21
#define PTRS_PER_PMD	512
#define PTRS_PER_PTE	512

#define PGDIR_SIZE	(_AC(1, UL) << PGDIR_SHIFT)
#define PGDIR_MASK	(~(PGDIR_SIZE - 1))
#define PUD_SIZE	(_AC(1, UL) << PUD_SHIFT)
#define PUD_MASK	(~(PUD_SIZE - 1))
#define PMD_SIZE	(_AC(1, UL) << PMD_SHIFT)
#define PMD_MASK	(~(PMD_SIZE - 1))

#define HPAGE_SHIFT	PMD_SHIFT
#define HPAGE_SIZE	PMD_SIZE
#define HPAGE_MASK	PMD_MASK

#define USER_PTRS_PER_PGD	(R3_TASK_SIZE / PGDIR_SIZE)

#define VMALLOC_START	R3_VMALLOC_BASE
#if defined(CONFIG_KFENCE) || defined(CONFIG_KASAN)
#define VMALLOC_END	R3_KFENCE_BASE
#else
#define VMALLOC_END	(R3_VMALLOC_BASE + R3_VMALLOC_SIZE - R3_WINDOW_PIECE)
#endif
#define MODULES_VADDR	R3_MODULES_BASE
#define MODULES_END	(R3_MODULES_BASE + R3_MODULES_SIZE - R3_WINDOW_PIECE)
#define MODULES_LEN	(MODULES_END - MODULES_VADDR)

#define _PAGE_PRESENT	(_AC(1, UL) << 0)
#define _PAGE_RW	(_AC(1, UL) << 1)
#define _PAGE_USER	(_AC(1, UL) << 2)
#define _PAGE_ACCESSED	(_AC(1, UL) << 5)
#define _PAGE_DIRTY	(_AC(1, UL) << 6)
#define _PAGE_PSE	(_AC(1, UL) << 7)	/* in a pmd: no table, 2 MiB of memory */
#define _PAGE_PROTNONE	(_AC(1, UL) << 8)
#define _PAGE_SPECIAL	(_AC(1, UL) << 9)
#define _PAGE_SWP_EXCLUSIVE (_AC(1, UL) << 3)
#define R3_MAPPED	(_AC(1, UL) << 52)
#define R3_MAPPED_W	(_AC(1, UL) << 53)
#define R3_MAPPED_X	(_AC(1, UL) << 54)
#define R3_MAPPED_ALL	(R3_MAPPED | R3_MAPPED_W | R3_MAPPED_X)
/* Of a private mapping of a file, executable and not writable: see r3_rewrite_pfn(). */
#define R3_PTE_CODE	(_AC(1, UL) << 55)
#define _PAGE_NX	(_AC(1, UL) << 63)

#define _PAGE_PFN_MASK	_AC(0x000ffffffffff000, UL)

#define _PAGE_TABLE	(_PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY)
#define _PAGE_CHG_MASK	(_PAGE_PFN_MASK | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_SPECIAL)

#define __P_BASE	(_PAGE_PRESENT | _PAGE_USER | _PAGE_ACCESSED)
#define PAGE_NONE	__pgprot(_PAGE_PROTNONE | _PAGE_ACCESSED | _PAGE_NX)
#define PAGE_READONLY	__pgprot(__P_BASE | _PAGE_NX)
#define PAGE_READONLY_EXEC __pgprot(__P_BASE)
#define PAGE_SHARED	__pgprot(__P_BASE | _PAGE_RW | _PAGE_NX)
#define PAGE_SHARED_EXEC __pgprot(__P_BASE | _PAGE_RW)
#define PAGE_KERNEL	__pgprot(_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_NX)
#define PAGE_KERNEL_RO	__pgprot(_PAGE_PRESENT | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_NX)
#define PAGE_KERNEL_EXEC __pgprot(_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY)

#ifndef __ASSEMBLY__

#include <linux/mm_types.h>

extern pgd_t swapper_pg_dir[PTRS_PER_PGD];
#ifdef R3_OLD_ZERO_PAGE
extern unsigned long empty_zero_page[PAGE_SIZE / sizeof(unsigned long)];
#define ZERO_PAGE(vaddr) ((void)(vaddr), virt_to_page(empty_zero_page))
#endif

#define pte_ERROR(e) pr_err("%s:%d: bad pte %016lx\n", __FILE__, __LINE__, pte_val(e))
#define pmd_ERROR(e) pr_err("%s:%d: bad pmd %016lx\n", __FILE__, __LINE__, pmd_val(e))
#define pud_ERROR(e) pr_err("%s:%d: bad pud %016lx\n", __FILE__, __LINE__, pud_val(e))
#define pgd_ERROR(e) pr_err("%s:%d: bad pgd %016lx\n", __FILE__, __LINE__, pgd_val(e))

/*
 * Upper levels: an entry is empty or points to a table; at the pmd it may be a
 * leaf, in the format of a pte. A leaf under change is "present" to generic
 * code while nobody may use it.
 */
static inline int pmd_none(pmd_t pmd)	{ return !pmd_val(pmd); }
static inline int pmd_present(pmd_t pmd) { return pmd_val(pmd) & (_PAGE_PRESENT | _PAGE_PSE); }
static inline int pmd_bad(pmd_t pmd)
{
	return (pmd_val(pmd) & ~(_PAGE_PFN_MASK | _PAGE_USER)) != (_PAGE_TABLE & ~_PAGE_USER);
}
#define pmd_leaf pmd_leaf
static inline bool pmd_leaf(pmd_t pmd)	{ return pmd_val(pmd) & _PAGE_PSE; }
static inline unsigned long pmd_pfn(pmd_t pmd) { return (pmd_val(pmd) & _PAGE_PFN_MASK) >> PAGE_SHIFT; }
static inline unsigned long pmd_page_vaddr(pmd_t pmd)
{
	return (unsigned long)__va(pmd_val(pmd) & _PAGE_PFN_MASK);
}
#define pmd_page(pmd)	pfn_to_page(pmd_pfn(pmd))

static inline int pud_none(pud_t pud)	{ return !pud_val(pud); }
static inline int pud_present(pud_t pud) { return pud_val(pud) & _PAGE_PRESENT; }
static inline int pud_bad(pud_t pud)
{
	return (pud_val(pud) & ~(_PAGE_PFN_MASK | _PAGE_USER)) != (_PAGE_TABLE & ~_PAGE_USER);
}
#define pud_leaf pud_leaf
static inline bool pud_leaf(pud_t pud)	{ return false; }
static inline unsigned long pud_pfn(pud_t pud) { return (pud_val(pud) & _PAGE_PFN_MASK) >> PAGE_SHIFT; }
static inline pmd_t *pud_pgtable(pud_t pud)
{
	return __va(pud_val(pud) & _PAGE_PFN_MASK);
}
#define pud_page(pud)	pfn_to_page(pud_pfn(pud))

/* With pgtable-nop4d.h a p4d is the pgd entry. */
static inline int p4d_none(p4d_t p4d)	{ return !p4d_val(p4d); }
static inline int p4d_present(p4d_t p4d) { return p4d_val(p4d) & _PAGE_PRESENT; }
static inline int p4d_bad(p4d_t p4d)
{
	return (p4d_val(p4d) & ~(_PAGE_PFN_MASK | _PAGE_USER)) != (_PAGE_TABLE & ~_PAGE_USER);
}
static inline pud_t *p4d_pgtable(p4d_t p4d)
{
	return __va(p4d_val(p4d) & _PAGE_PFN_MASK);
}
#define p4d_page(p4d)	pfn_to_page((p4d_val(p4d) & _PAGE_PFN_MASK) >> PAGE_SHIFT)

static inline void set_pmd(pmd_t *pmdp, pmd_t pmd) { WRITE_ONCE(*pmdp, pmd); }
static inline void set_pud(pud_t *pudp, pud_t pud) { WRITE_ONCE(*pudp, pud); }
static inline void set_p4d(p4d_t *p4dp, p4d_t p4d) { WRITE_ONCE(*p4dp, p4d); }
static inline void pmd_clear(pmd_t *pmdp) { set_pmd(pmdp, __pmd(0)); }
static inline void pud_clear(pud_t *pudp) { set_pud(pudp, __pud(0)); }
static inline void p4d_clear(p4d_t *p4dp) { set_p4d(p4dp, (p4d_t) { __pgd(0) }); }

/* Entries. */
static inline int pte_none(pte_t pte)	{ return !pte_val(pte); }
static inline int pte_present(pte_t pte) { return pte_val(pte) & (_PAGE_PRESENT | _PAGE_PROTNONE); }
#define pte_accessible(mm, pte)	(pte_val(pte) & _PAGE_PRESENT)
static inline int pte_write(pte_t pte)	{ return !!(pte_val(pte) & _PAGE_RW); }
static inline int pte_dirty(pte_t pte)	{ return !!(pte_val(pte) & _PAGE_DIRTY); }
static inline int pte_young(pte_t pte)	{ return !!(pte_val(pte) & _PAGE_ACCESSED); }
static inline int pte_special(pte_t pte) { return !!(pte_val(pte) & _PAGE_SPECIAL); }
static inline int pte_exec(pte_t pte)	{ return !(pte_val(pte) & _PAGE_NX); }
static inline int pte_user(pte_t pte)	{ return !!(pte_val(pte) & _PAGE_USER); }

/* Not what PROT_NONE keeps present for the kernel. */
#define pte_access_permitted pte_access_permitted
static inline bool pte_access_permitted(pte_t pte, bool write)
{
	unsigned long need = _PAGE_PRESENT | _PAGE_USER | (write ? _PAGE_RW : 0);

	return (pte_val(pte) & need) == need;
}

#define PFN_PTE_SHIFT	PAGE_SHIFT
static inline unsigned long pte_pfn(pte_t pte)
{
	return (pte_val(pte) & _PAGE_PFN_MASK) >> PAGE_SHIFT;
}
#define pte_page(pte)	pfn_to_page(pte_pfn(pte))

static inline pte_t pte_set(pte_t pte, unsigned long bits)
{
	return __pte(pte_val(pte) | bits);
}
static inline pte_t pte_unset(pte_t pte, unsigned long bits)
{
	return __pte(pte_val(pte) & ~bits);
}

static inline pte_t pte_wrprotect(pte_t pte)	{ return pte_unset(pte, _PAGE_RW); }
static inline pte_t pte_mkwrite_novma(pte_t pte) { return pte_set(pte, _PAGE_RW); }
static inline pte_t pte_mkclean(pte_t pte)	{ return pte_unset(pte, _PAGE_DIRTY); }
static inline pte_t pte_mkdirty(pte_t pte)	{ return pte_set(pte, _PAGE_DIRTY); }
static inline pte_t pte_mkold(pte_t pte)	{ return pte_unset(pte, _PAGE_ACCESSED); }
static inline pte_t pte_mkyoung(pte_t pte)	{ return pte_set(pte, _PAGE_ACCESSED); }
static inline pte_t pte_mkspecial(pte_t pte)	{ return pte_set(pte, _PAGE_SPECIAL); }
static inline pte_t pte_modify(pte_t pte, pgprot_t prot)
{
	return __pte((pte_val(pte) & _PAGE_CHG_MASK) | (pgprot_val(prot) & ~_PAGE_CHG_MASK));
}

#define __HAVE_ARCH_PTE_SAME
static inline int pte_same(pte_t a, pte_t b)
{
	return !((pte_val(a) ^ pte_val(b)) & ~R3_MAPPED_ALL);
}

static inline pte_t pfn_pte(unsigned long pfn, pgprot_t prot)
{
	return __pte((pfn << PAGE_SHIFT) | pgprot_val(prot));
}
static inline pmd_t pfn_pmd(unsigned long pfn, pgprot_t prot)
{
	return __pmd((pfn << PAGE_SHIFT) | pgprot_val(prot));
}
#ifdef R3_OLD_MK_PTE
#define mk_pte(page, prot)	pfn_pte(page_to_pfn(page), prot)
#endif

static inline void r3_note_range(struct mm_struct *mm, unsigned long addr, unsigned long size)
{
	unsigned long first = addr >> PAGE_SHIFT, end = (addr + size) >> PAGE_SHIFT;
	u64 s = READ_ONCE(mm->context.stale), new;

	do {
		if (s && first >= r3_stale_first(s) && end <= r3_stale_end(s))
			return;
		new = !s ? r3_stale(first, end) :
			   r3_stale(min(first, r3_stale_first(s)), max(end, r3_stale_end(s)));
	} while (!try_cmpxchg(&mm->context.stale, &s, new));
}

/* An entry that the space may have mapped goes: the next flush has work there. */
static inline void r3_note_stale(struct mm_struct *mm, unsigned long addr, unsigned long old)
{
	if ((old & _PAGE_PRESENT) && (old & R3_MAPPED))
		r3_note_range(mm, addr & PAGE_MASK, PAGE_SIZE);
}

static inline unsigned long r3_unmarked(pte_t pte)
{
	return pte_val(pte) & _PAGE_PRESENT ? pte_val(pte) & ~R3_MAPPED_ALL : pte_val(pte);
}

/* Kernel mappings only. */
static inline void set_pte(pte_t *ptep, pte_t pte)
{
	WRITE_ONCE(*ptep, __pte(r3_unmarked(pte)));
}

static inline void r3_set_pte_at(struct mm_struct *mm, unsigned long addr, pte_t *ptep, pte_t pte,
				 unsigned long size)
{
	unsigned long old = pte_val(READ_ONCE(*ptep)), new;

	if (!(old & _PAGE_PRESENT)) {
		WRITE_ONCE(*ptep, __pte(r3_unmarked(pte)));
		return;
	}
	/* Marks may be set while we look. */
	do {
		new = r3_unmarked(pte);
		/* The same page with more rights: what the space has is still true. */
		if (!((old & ~R3_MAPPED_ALL) & ~new) &&
		    !((old ^ new) & ~(R3_MAPPED_ALL | _PAGE_RW | _PAGE_DIRTY | _PAGE_ACCESSED)))
			new |= old & R3_MAPPED_ALL;
	} while (!try_cmpxchg(&ptep->pte, &old, new));
	if ((old & R3_MAPPED) && !(new & R3_MAPPED))
		r3_note_range(mm, addr & ~(size - 1), size);
}

#ifdef R3_OLD_SET_PTE
#define set_pte_at(mm, addr, ptep, pte) r3_set_pte_at(mm, addr, ptep, pte, PAGE_SIZE)
#else
static inline void set_ptes(struct mm_struct *mm, unsigned long addr, pte_t *ptep, pte_t pte,
			    unsigned int nr)
{
	for (;;) {
		r3_set_pte_at(mm, addr, ptep, pte, PAGE_SIZE);
		if (--nr == 0)
			break;
		ptep++;
		addr += PAGE_SIZE;
		pte = __pte(pte_val(pte) + PAGE_SIZE);
	}
}
#define set_ptes set_ptes
#endif

static inline void pte_clear(struct mm_struct *mm, unsigned long addr, pte_t *ptep)
{
	r3_note_stale(mm, addr, xchg(&ptep->pte, 0));
}

#define __HAVE_ARCH_PTEP_GET_AND_CLEAR
static inline pte_t ptep_get_and_clear(struct mm_struct *mm, unsigned long addr, pte_t *ptep)
{
	unsigned long old = xchg(&ptep->pte, 0);

	r3_note_stale(mm, addr, old);
	return __pte(old & _PAGE_PRESENT ? old & ~R3_MAPPED_ALL : old);
}
#ifdef R3_OLD_MODIFY_PROT
/*
 * Between the two the table is locked and the entry empty. What the space has of the page comes
 * back with it, so a flush can take rights away and leave the mapping; who flushes meanwhile
 * unmaps it.
 */
#define __HAVE_ARCH_PTEP_MODIFY_PROT_TRANSACTION
static inline pte_t ptep_modify_prot_start(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep)
{
	unsigned long old = xchg(&ptep->pte, 0);

	r3_note_stale(vma->vm_mm, addr, old);
	return __pte(old);
}
static inline void ptep_modify_prot_commit(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep,
					   pte_t old, pte_t pte)
{
	unsigned long new = r3_unmarked(pte);

	if ((pte_val(old) & new & _PAGE_PRESENT) && pte_pfn(old) == pte_pfn(pte))
		new |= pte_val(old) & R3_MAPPED_ALL;
	WRITE_ONCE(*ptep, __pte(new));
}
#endif
#define __HAVE_ARCH_PTEP_SET_WRPROTECT
static inline void ptep_set_wrprotect(struct mm_struct *mm, unsigned long addr, pte_t *ptep)
{
	clear_bit(1, (unsigned long *)&ptep->pte);
}
#define __HAVE_ARCH_PTEP_TEST_AND_CLEAR_YOUNG
static inline int ptep_test_and_clear_young(struct vm_area_struct *vma, unsigned long addr,
					    pte_t *ptep)
{
	return pte_young(*ptep) && test_and_clear_bit(5, (unsigned long *)&ptep->pte);
}

/* Leaves at the pmd have the format of a pte, marks included. */
static inline pte_t r3_pmd_pte(pmd_t pmd)	{ return __pte(pmd_val(pmd)); }
static inline pmd_t r3_pte_pmd(pte_t pte)	{ return __pmd(pte_val(pte)); }

#define pmd_write pmd_write
static inline int pmd_write(pmd_t pmd)		{ return pte_write(r3_pmd_pte(pmd)); }
#define pmd_dirty pmd_dirty
static inline int pmd_dirty(pmd_t pmd)		{ return pte_dirty(r3_pmd_pte(pmd)); }
#define pmd_young pmd_young
static inline int pmd_young(pmd_t pmd)		{ return pte_young(r3_pmd_pte(pmd)); }
static inline pmd_t pmd_wrprotect(pmd_t pmd)	{ return r3_pte_pmd(pte_wrprotect(r3_pmd_pte(pmd))); }
static inline pmd_t pmd_mkwrite_novma(pmd_t pmd) { return r3_pte_pmd(pte_mkwrite_novma(r3_pmd_pte(pmd))); }
static inline pmd_t pmd_mkclean(pmd_t pmd)	{ return r3_pte_pmd(pte_mkclean(r3_pmd_pte(pmd))); }
static inline pmd_t pmd_mkdirty(pmd_t pmd)	{ return r3_pte_pmd(pte_mkdirty(r3_pmd_pte(pmd))); }
static inline pmd_t pmd_mkold(pmd_t pmd)	{ return r3_pte_pmd(pte_mkold(r3_pmd_pte(pmd))); }
static inline pmd_t pmd_mkyoung(pmd_t pmd)	{ return r3_pte_pmd(pte_mkyoung(r3_pmd_pte(pmd))); }
static inline pmd_t pmd_mkhuge(pmd_t pmd)	{ return __pmd(pmd_val(pmd) | _PAGE_PSE); }
static inline pmd_t pmd_mkinvalid(pmd_t pmd)	{ return __pmd(pmd_val(pmd) & ~_PAGE_PRESENT); }
static inline pmd_t pmd_modify(pmd_t pmd, pgprot_t prot)
{
	return __pmd(pte_val(pte_modify(r3_pmd_pte(pmd), prot)) | (pmd_val(pmd) & _PAGE_PSE));
}
#ifdef R3_OLD_MK_PTE
#define mk_pmd(page, prot)	pfn_pmd(page_to_pfn(page), prot)
#endif

#ifdef CONFIG_TRANSPARENT_HUGEPAGE
static inline int pmd_trans_huge(pmd_t pmd)	{ return pmd_leaf(pmd); }

#define pmd_access_permitted pmd_access_permitted
static inline bool pmd_access_permitted(pmd_t pmd, bool write)
{
	unsigned long need = _PAGE_PRESENT | _PAGE_USER | (write ? _PAGE_RW : 0);

	return (pmd_val(pmd) & need) == need;
}

#define __HAVE_ARCH_PMD_SAME
static inline int pmd_same(pmd_t a, pmd_t b)
{
	return pte_same(r3_pmd_pte(a), r3_pmd_pte(b));
}

static inline void set_pmd_at(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp, pmd_t pmd)
{
	r3_set_pte_at(mm, addr, (pte_t *)pmdp, r3_pmd_pte(pmd), PMD_SIZE);
}

/* What was there, a leaf or a table, is gone from the flush's sight. */
static inline pmd_t r3_pmd_xchg(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp, pmd_t new)
{
	unsigned long old = xchg(&pmdp->pmd, r3_unmarked(r3_pmd_pte(new)));

	if ((old & R3_MAPPED) || ((old & _PAGE_PRESENT) && !(old & _PAGE_PSE)))
		r3_note_range(mm, addr & PMD_MASK, PMD_SIZE);
	return __pmd(old & ~R3_MAPPED_ALL);
}

#define __HAVE_ARCH_PMDP_HUGE_GET_AND_CLEAR
static inline pmd_t pmdp_huge_get_and_clear(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp)
{
	return r3_pmd_xchg(mm, addr, pmdp, __pmd(0));
}
#define pmdp_establish pmdp_establish
static inline pmd_t pmdp_establish(struct vm_area_struct *vma, unsigned long addr, pmd_t *pmdp,
				   pmd_t pmd)
{
	return r3_pmd_xchg(vma->vm_mm, addr, pmdp, pmd);
}
#define __HAVE_ARCH_PMDP_SET_WRPROTECT
static inline void pmdp_set_wrprotect(struct mm_struct *mm, unsigned long addr, pmd_t *pmdp)
{
	clear_bit(1, (unsigned long *)&pmdp->pmd);
}
#define __HAVE_ARCH_PMDP_TEST_AND_CLEAR_YOUNG
static inline int pmdp_test_and_clear_young(struct vm_area_struct *vma, unsigned long addr,
					    pmd_t *pmdp)
{
	return pmd_young(*pmdp) && test_and_clear_bit(5, (unsigned long *)&pmdp->pmd);
}
#endif

/* Swap entries: present and protnone clear; type in bits 9-13, offset from 14. */
#define __swp_type(x)		(((x).val >> 9) & 0x1f)
#define __swp_offset(x)		((x).val >> 14)
#define __swp_entry(type, offset) \
	((swp_entry_t) { ((unsigned long)(type) << 9) | ((unsigned long)(offset) << 14) })
#define __pte_to_swp_entry(pte)	((swp_entry_t) { pte_val(pte) & ~_PAGE_SWP_EXCLUSIVE })
#define __swp_entry_to_pte(swp)	__pte((swp).val)

static inline int pte_swp_exclusive(pte_t pte)
{
	return !!(pte_val(pte) & _PAGE_SWP_EXCLUSIVE);
}
static inline pte_t pte_swp_mkexclusive(pte_t pte) { return pte_set(pte, _PAGE_SWP_EXCLUSIVE); }
static inline pte_t pte_swp_clear_exclusive(pte_t pte) { return pte_unset(pte, _PAGE_SWP_EXCLUSIVE); }

#define pgprot_noncached(prot)		(prot)
#define pgprot_writecombine(prot)	(prot)

/* Mapping a page in its space happens on the way back to user mode. */
#define update_mmu_cache(vma, addr, ptep)			do { } while (0)
#define update_mmu_cache_pmd(vma, addr, pmdp)			do { } while (0)
#define update_mmu_cache_range(vmf, vma, addr, ptep, nr)	do { } while (0)
#define flush_tlb_fix_spurious_fault(vma, addr, ...)		do { } while (0)

#define kern_addr_valid(addr)	(1)

void paging_init(void);
void arch_zone_limits_init(unsigned long *max_zone_pfn);
void arch_mm_preinit(void);

#endif /* !__ASSEMBLY__ */
#endif
