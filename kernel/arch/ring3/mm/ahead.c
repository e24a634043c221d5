// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fault of user code costs a round trip between processes, whatever it is for. So files that
 * are in the page cache are mapped before they are touched, where that is likely to come:
 *
 * - around each fault, 64 pages;
 * - of a mapping that is new and only read: all of it if it is small, as files with tables are,
 *   of code the first 64 pages, of others the first page, which has the header;
 * - of a program that starts, and its loader, the beginning of each part that is not written.
 *
 * Nothing is read from a disk for it, and what may be written is left to its faults.
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pagemap.h>
#include <linux/userfaultfd_k.h>
#include <asm/ahead.h>
#include <asm/space.h>
#include <asm/mmu_context.h>

#define SMALL	(16 * PAGE_SIZE)

bool r3_no_table(struct mm_struct *mm, unsigned long addr)
{
	pmd_t *pmd = r3_pmd_of(mm, addr);

	return !pmd || pmd_none(*pmd) || pmd_leaf(*pmd);
}

static bool is_cached(const struct vm_area_struct *vma)
{
	return vma->vm_ops && vma->vm_ops->map_pages;
}

/* From start to end, which have one table. */
static void enter(struct vm_area_struct *vma, unsigned long start, unsigned long end, unsigned int flags)
{
	struct vm_fault vmf = {
		.vma = vma,
		.address = start,
		.real_address = start,
		.flags = flags,
		.pgoff = linear_page_index(vma, start),
		.gfp_mask = GFP_KERNEL,
		.pmd = r3_pmd_of(vma->vm_mm, start),
	};

	if (!r3_no_table(vma->vm_mm, start))
		vma->vm_ops->map_pages(&vmf, vmf.pgoff, linear_page_index(vma, end - PAGE_SIZE));
}

void r3_enter_cached(struct vm_area_struct *vma, unsigned long addr, unsigned int flags)
{
	unsigned long around = addr & ~(R3_AROUND_SIZE - 1);

	if (is_cached(vma))
		enter(vma, max(around, vma->vm_start), min(around + R3_AROUND_SIZE, vma->vm_end), flags);
}

/* A new mapping may be the first in its table. */
static bool make_table(struct mm_struct *mm, unsigned long addr)
{
	p4d_t *p4d = p4d_alloc(mm, pgd_offset(mm, addr), addr);
	pud_t *pud = p4d ? pud_alloc(mm, p4d, addr) : NULL;
	pmd_t *pmd = pud ? pmd_alloc(mm, pud, addr) : NULL;

	return pmd && !pte_alloc(mm, pmd);
}

/* The mm's lock is held for reading. Return: whether there may be anything to map at addr now. */
static bool enter_first(struct vm_area_struct *vma, unsigned long addr, unsigned long end)
{
	bool exec = vma->vm_flags & VM_EXEC;
	unsigned long table = (addr & PMD_MASK) + PMD_SIZE;

	if (!is_cached(vma) || !(vma->vm_flags & VM_READ) || (vma->vm_flags & VM_WRITE))
		return false;
	if (!make_table(vma->vm_mm, addr))
		return false;
	end = min3(end, table, addr + (exec ? R3_AROUND_SIZE : SMALL));
	enter(vma, addr, end, FAULT_FLAG_DEFAULT | FAULT_FLAG_USER | (exec ? FAULT_FLAG_INSTRUCTION : 0));
	return true;
}

/* What is mapped already would be taken for a mapping that the host has refused. */
static void map_ahead(struct mm_struct *mm, unsigned long addr, bool exec)
{
	if (!r3_has_mapped(mm, addr, PROT_READ | (exec ? PROT_EXEC : 0)))
		r3_map_around(mm, addr, false, exec);
}

void r3_map_new(unsigned long addr, unsigned long len, unsigned long prot)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	bool there = false;

	if ((prot & (PROT_READ | PROT_WRITE)) != PROT_READ || !mmap_read_trylock(mm))
		return;
	vma = vma_lookup(mm, addr);
	len = PAGE_ALIGN(len);
	/* A large one may be a library's, of which all but the header is replaced at once. */
	if (!(prot & PROT_EXEC) && len > SMALL)
		len = PAGE_SIZE;
	if (vma && !userfaultfd_armed(vma))
		there = enter_first(vma, addr, min(addr + len, vma->vm_end));
	mmap_read_unlock(mm);
	if (there)
		map_ahead(mm, addr, prot & PROT_EXEC);
}

#define PARTS	16

void r3_map_program(struct mm_struct *mm)
{
	unsigned long part[PARTS];
	struct vm_area_struct *vma;
	unsigned int n = 0, i;
	VMA_ITERATOR(vmi, mm, 0);

	if (!mmap_read_trylock(mm))
		return;
	for_each_vma(vmi, vma)
		if (n < PARTS && enter_first(vma, vma->vm_start, vma->vm_end))
			part[n++] = vma->vm_start | !!(vma->vm_flags & VM_EXEC);
	mmap_read_unlock(mm);
	for (i = 0; i < n; i++)
		map_ahead(mm, part[i] & PAGE_MASK, part[i] & 1);
}
