// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmalloc and modules. Generic code writes swapper_pg_dir; here the monitor's
 * address space follows: mapped at once when a range is made, unmapped when
 * generic code flushes it, which may be much later.
 */
#include <linux/mm.h>
#include <linux/vmalloc.h>
#include <linux/pgtable.h>
#include <uapi/asm-generic/mman-common.h>
#include <asm/cacheflush.h>
#include <asm/tlbflush.h>
#include <asm/host.h>

/* The entry for addr, or NULL and in *next where the missing level ends. */
static pte_t *kernel_pte(unsigned long addr, unsigned long *next)
{
	pgd_t *pgd = swapper_pg_dir + pgd_index(addr);
	p4d_t *p4d = p4d_offset(pgd, addr);
	pud_t *pud;
	pmd_t *pmd;

	*next = (addr + PGDIR_SIZE) & PGDIR_MASK;
	if (p4d_none(*p4d))
		return NULL;
	*next = (addr + PUD_SIZE) & PUD_MASK;
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud))
		return NULL;
	*next = (addr + PMD_SIZE) & PMD_MASK;
	pmd = pmd_offset(pud, addr);
	if (pmd_none(*pmd))
		return NULL;
	*next = addr + PAGE_SIZE;
	return pte_offset_kernel(pmd, addr);
}

static int host_prot(pte_t pte)
{
	return PROT_READ | (pte_write(pte) ? PROT_WRITE : 0) | (pte_exec(pte) ? PROT_EXEC : 0);
}

void flush_cache_vmap(unsigned long start, unsigned long end)
{
	unsigned long addr = start, run = 0, pfn = 0;
	int prot = 0;

	for (; addr <= end; addr += PAGE_SIZE) {
		unsigned long next;
		pte_t *ptep = addr < end ? kernel_pte(addr, &next) : NULL;
		pte_t pte = ptep ? *ptep : __pte(0);
		bool present = pte_present(pte);

		if (run && present && pte_pfn(pte) == pfn + ((addr - run) >> PAGE_SHIFT) &&
		    host_prot(pte) == prot)
			continue;
		if (run) {
			long err = r3_host_map(run, addr - run, prot, (phys_addr_t)pfn << PAGE_SHIFT);

			if (err)
				panic("ring3: the host cannot map kernel memory (error %ld): raise vm.max_map_count or its memory", err);
		}
		run = 0;
		if (present) {
			run = addr;
			pfn = pte_pfn(pte);
			prot = host_prot(pte);
		}
	}
}

/* The range may cover more than was mapped, the direct map even. */
void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	static const unsigned long window[2][2] = {
		{ VMALLOC_START, VMALLOC_END }, { MODULES_VADDR, MODULES_END },
	};
	unsigned int i;

	for (i = 0; i < 2; i++) {
		unsigned long addr = max(start, window[i][0]);
		unsigned long stop = min(end, window[i][1]);
		unsigned long hole = 0, next;

		for (; addr < stop; addr = min(next, stop)) {
			pte_t *ptep = kernel_pte(addr, &next);
			bool gone = !ptep || !pte_present(*ptep);

			if (gone && !hole)
				hole = addr;
			if (!gone && hole) {
				r3_host_unmap(hole, addr - hole);
				hole = 0;
			}
		}
		if (hole)
			r3_host_unmap(hole, stop - hole);
	}
}

void flush_tlb_all(void)
{
	flush_tlb_kernel_range(VMALLOC_START, VMALLOC_END);
}
