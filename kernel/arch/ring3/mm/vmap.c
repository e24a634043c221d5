// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmalloc and modules. Generic code writes swapper_pg_dir; the monitor's address
 * space is a cache of it, as a TLB is. What generic code maps is mapped at once;
 * what it unmaps is unmapped when it flushes, which may be much later. Any
 * mapping may be missing: an access to it faults, and r3_vmap_fault() maps it.
 *
 * That bounds the host mappings. Each run of pages that lie one behind the other
 * in RAM is one, users can have the kernel make as many runs as they like (a
 * seccomp filter each), and the host has a limit (vm.max_map_count). When there
 * are too many, all of the vmalloc window is dropped.
 */
#include <linux/mm.h>
#include <linux/irqflags.h>
#include <linux/kfence.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include <linux/pgtable.h>
#include <uapi/asm-generic/mman-common.h>
#include <asm/cacheflush.h>
#include <asm/kasan.h>
#include <asm/kfence.h>
#include <asm/tlbflush.h>
#include <asm/traps.h>
#include <asm/host.h>

#define MAPS_MAX	16384

/*
 * Held from reading an entry until the host has it, so that no entry is mapped
 * that has been cleared and flushed meanwhile. A fault may take it wherever
 * kernel code is interrupted: who holds it touches nothing in the windows. So no
 * sanitizer may look at this file's code (Makefile).
 */
static arch_spinlock_t maps_lock = __ARCH_SPIN_LOCK_UNLOCKED;
static unsigned int nr_maps;		/* in what drop_vmalloc() drops, an upper bound */

static unsigned long lock_maps(void)
{
	unsigned long flags;

	raw_local_irq_save(flags);
#ifdef CONFIG_KASAN
	/* Who queues for a lock has shadow looked at, which may not be mapped. */
	while (!arch_spin_trylock(&maps_lock))
		r3_host_yield();
#else
	arch_spin_lock(&maps_lock);
#endif
	return flags;
}

static void unlock_maps(unsigned long flags)
{
	arch_spin_unlock(&maps_lock);
	raw_local_irq_restore(flags);
}

/* The entry for addr, or NULL and in *next where the missing level ends. */
static noinstr pte_t *kernel_pte(unsigned long addr, unsigned long *next)
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

static __always_inline pte_t entry(unsigned long addr)
{
	unsigned long next;
	pte_t *ptep = kernel_pte(addr, &next);

	return ptep ? READ_ONCE(*ptep) : __pte(0);
}

static __always_inline bool in_vmalloc(unsigned long addr)
{
	return addr >= VMALLOC_START && addr < VMALLOC_END;
}

static __always_inline bool in_shadow(unsigned long addr)
{
	return IS_ENABLED(CONFIG_KASAN) && addr >= R3_SHADOW_BASE && addr < R3_SHADOW_BASE + R3_SHADOW_SIZE;
}

static __always_inline bool in_kfence(unsigned long addr)
{
	return IS_ENABLED(CONFIG_KFENCE) && addr >= R3_KFENCE_BASE && addr < R3_KFENCE_BASE + R3_KFENCE_SIZE;
}

static __always_inline bool in_window(unsigned long addr)
{
	return in_vmalloc(addr) || (addr >= MODULES_VADDR && addr < MODULES_END) ||
	       in_shadow(addr) || in_kfence(addr);
}

static __always_inline int host_prot(pte_t pte)
{
	return PROT_READ | (pte_write(pte) ? PROT_WRITE : 0) | (pte_exec(pte) ? PROT_EXEC : 0);
}

/*
 * Drops the vmalloc window. Modules stay: their code is mapped in few runs, and
 * by root. Kernel tables are never freed, so without one nothing was mapped. A
 * piece may begin within a mapping, which the host may refuse to split; then
 * that is tried again when the others are gone.
 */
static noinstr bool drop_vmalloc(void)
{
	unsigned long addr, next, len;
	unsigned int tries, failed = 1;

	nr_maps = 0;
	for (tries = 0; tries < 2 && failed; tries++) {
		failed = 0;
		for (addr = VMALLOC_START; addr < VMALLOC_END; addr = next) {
			len = 0;
			while (addr + len < VMALLOC_END && len < R3_WINDOW_PIECE &&
			       kernel_pte(addr + len, &next))
				len += PMD_SIZE;
			if (len && r3_host_unmap(addr, len))
				failed++;
			if (len)
				next = addr + len;
		}
		if (r3_kasan_drop())
			failed++;
	}
	return !failed;
}

static noinstr long map_run(unsigned long addr, unsigned long end, pte_t pte)
{
	unsigned long gpa = pte_pfn(pte) << PAGE_SHIFT;
	long err;

	if (in_vmalloc(addr) || in_shadow(addr)) {
		if (nr_maps >= MAPS_MAX)
			drop_vmalloc();
		nr_maps++;
	}
	err = r3_host_map(addr, end - addr, host_prot(pte), gpa);
	if (err && drop_vmalloc())
		err = r3_host_map(addr, end - addr, host_prot(pte), gpa);
	return err;
}

/* Is other the page that is distance bytes from pte's, with the same rights? */
static __always_inline bool adjacent(pte_t pte, pte_t other, long distance)
{
	return pte_present(other) && host_prot(other) == host_prot(pte) &&
	       pte_pfn(other) == pte_pfn(pte) + distance / (long)PAGE_SIZE;
}

/* Where the run ends that begins at addr, at most end. */
static noinstr unsigned long run_end(unsigned long addr, unsigned long end, pte_t pte)
{
	unsigned long to = addr + PAGE_SIZE;

	while (to < end && adjacent(pte, entry(to), to - addr))
		to += PAGE_SIZE;
	return to;
}

/* What the host refuses here is mapped when it is touched, or nothing can be. */
void flush_cache_vmap(unsigned long start, unsigned long end)
{
	unsigned long addr, next;

	for (addr = start; addr < end; addr = next) {
		unsigned long flags = lock_maps();
		pte_t pte = entry(addr);

		next = addr + PAGE_SIZE;
		if (pte_present(pte)) {
			next = run_end(addr, end, pte);
			map_run(addr, next, pte);
		}
		unlock_maps(flags);
	}
}

/**
 * r3_vmap_fault - map what kernel code has touched in a window
 * @addr: address
 * @err: R3_PF_*
 *
 * Called from the host's signal handler, so wherever kernel code may be. Returns
 * false if the tables do not allow the access, or the host refuses the mapping.
 */
noinstr bool r3_vmap_fault(unsigned long addr, unsigned long err)
{
	unsigned long from, to;
	bool done = false;
	pte_t pte;

	if (!in_window(addr))
		return false;
	from = addr & PAGE_MASK;
	/* No signal comes here, so there may be no probe; interrupts are not touched, whatever waits. */
	while (!arch_spin_trylock(&maps_lock))
		r3_host_yield();
	pte = entry(from);
	if (pte_present(pte) && (!(err & R3_PF_WRITE) || pte_write(pte)) &&
	    (!(err & R3_PF_INSTR) || pte_exec(pte))) {
		to = run_end(from, (from & PMD_MASK) + PMD_SIZE, pte);
		while (from & ~PMD_MASK && adjacent(pte, entry(from - PAGE_SIZE), -(long)PAGE_SIZE)) {
			from -= PAGE_SIZE;
			pte = entry(from);
		}
		done = !map_run(from, to, pte);
	} else if (in_shadow(from) && !pte_present(pte)) {
		pte = r3_kasan_shadow(err);
		done = pte_present(pte) && !map_run(from, from + PAGE_SIZE, pte);
	}
	arch_spin_unlock(&maps_lock);
	return done;
}

/* Unmaps what is no longer there in [addr, end), within one table. */
static void unmap_gone(unsigned long addr, unsigned long end)
{
	unsigned long hole = 0;

	for (; addr <= end; addr += PAGE_SIZE) {
		bool gone = addr < end && !pte_present(entry(addr));

		if (gone && !hole)
			hole = addr;
		if (gone || !hole)
			continue;
		/* It may have been in the middle of a mapping, which the host may refuse to split. */
		if ((in_vmalloc(hole) || in_shadow(hole)) &&
		    adjacent(entry(hole - PAGE_SIZE), entry(addr), addr - hole + PAGE_SIZE))
			nr_maps++;
		if (r3_host_unmap(hole, addr - hole) && !drop_vmalloc())
			panic("ring3: the host does not unmap kernel memory: raise vm.max_map_count");
		hole = 0;
	}
}

/* The range may cover more than was mapped, the direct map even. */
void flush_tlb_kernel_range(unsigned long start, unsigned long end)
{
	static const unsigned long window[][2] = {
		{ VMALLOC_START, VMALLOC_END }, { MODULES_VADDR, MODULES_END },
#ifdef CONFIG_KASAN
		{ R3_SHADOW_BASE, R3_SHADOW_BASE + R3_SHADOW_SIZE },
#endif
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(window); i++) {
		unsigned long addr = max(start, window[i][0]) & PAGE_MASK;
		unsigned long stop = min(end, window[i][1]);
		unsigned long next;

		for (; addr < stop; addr = next) {
			unsigned long flags;

			if (!kernel_pte(addr, &next))
				continue;
			next = min((addr + PMD_SIZE) & PMD_MASK, stop);
			flags = lock_maps();
			unmap_gone(addr, next);
			unlock_maps(flags);
		}
	}
}

void flush_tlb_all(void)
{
	flush_tlb_kernel_range(VMALLOC_START, VMALLOC_END);
}

#ifdef CONFIG_KFENCE
unsigned long r3_kfence_gpa;
EXPORT_SYMBOL(r3_kfence_gpa);

static int enter_page(pte_t *ptep, unsigned long addr, void *unused)
{
	set_pte(ptep, pfn_pte(__pa(addr) >> PAGE_SHIFT, PAGE_KERNEL));
	return 0;
}

/* Of the direct map no page can be taken away, so the pool is used in a window of its own. */
bool r3_kfence_init(void)
{
	BUILD_BUG_ON(KFENCE_POOL_SIZE > R3_KFENCE_SIZE);
	r3_kfence_gpa = __pa(__kfence_pool);
	if (apply_to_page_range(&init_mm, R3_KFENCE_BASE, KFENCE_POOL_SIZE, enter_page, NULL))
		return false;
	__kfence_pool = (char *)R3_KFENCE_BASE;
	flush_cache_vmap(R3_KFENCE_BASE, R3_KFENCE_BASE + KFENCE_POOL_SIZE);
	return true;
}

/* Takes a page of the pool away, or gives it back. */
bool r3_kfence_protect(unsigned long addr, bool protect)
{
	unsigned long next, flags = lock_maps();
	pte_t *ptep = kernel_pte(addr, &next), pte;
	long err;

	addr &= PAGE_MASK;
	pte = pfn_pte(__pa(addr) >> PAGE_SHIFT, PAGE_KERNEL);
	set_pte(ptep, protect ? pte_unset(pte, _PAGE_PRESENT) : pte);
	err = protect ? r3_host_unmap(addr, PAGE_SIZE) : map_run(addr, addr + PAGE_SIZE, pte);
	unlock_maps(flags);
	return !err;
}
#endif
