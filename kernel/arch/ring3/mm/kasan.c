// SPDX-License-Identifier: GPL-2.0-only
/*
 * KASAN's shadow, in guest RAM like all that the kernel has. That of the direct map
 * and of the image is mapped here, once. That of vmalloc and modules generic code
 * enters into swapper_pg_dir, and mm/vmap.c maps it, when it is touched if need be.
 * All other shadow says that anything is allowed: it is one page of zeroes, mapped
 * where it is touched. Before kasan_init() that page serves for all of it, and may
 * be written.
 */
#include <linux/init.h>
#include <linux/kasan.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <uapi/asm-generic/mman-common.h>
#include <asm/host.h>
#include <asm/kasan.h>
#include <asm/sections.h>
#include <asm/traps.h>

static bool ready __ro_after_init;

static __always_inline unsigned long shadow_of(unsigned long addr)
{
	return (addr >> KASAN_SHADOW_SCALE_SHIFT) + KASAN_SHADOW_OFFSET;
}

/* What to map where shadow is touched that is not in the table, or nothing. For any context. */
noinstr pte_t r3_kasan_shadow(unsigned long err)
{
	unsigned long pfn = __pa_symbol(kasan_early_shadow_page) >> PAGE_SHIFT;

	if (!ready)
		return pfn_pte(pfn, PAGE_KERNEL);
	return err & R3_PF_WRITE ? __pte(0) : pfn_pte(pfn, PAGE_KERNEL_RO);
}

/* Unmaps what comes back by faults. */
noinstr long r3_kasan_drop(void)
{
	unsigned long from = ready ? shadow_of(MODULES_VADDR) : R3_SHADOW_BASE;

	return r3_host_unmap(from, R3_SHADOW_BASE + R3_SHADOW_SIZE - from);
}

/* Shadow of [start, end), all of which is accessible so far. */
static phys_addr_t __init make_shadow(unsigned long start, unsigned long end)
{
	unsigned long size = PAGE_ALIGN(shadow_of(end)) - shadow_of(start), at, piece;
	phys_addr_t gpa = memblock_phys_alloc_range(size, PMD_SIZE, 0, MEMBLOCK_ALLOC_NOLEAKTRACE);

	if (!gpa)
		panic("ring3: KASAN needs an eighth of the guest's memory: give it more");
	/* That is quicker than to write zeroes, and takes none of the host's memory. */
	for (at = 0; at < size; at += piece) {
		piece = min(size - at, R3_WINDOW_PIECE);
		if (r3_host_forget(gpa + at, piece))
			memset(__va(gpa + at), 0, piece);
	}
	return gpa;
}

static void __init map_shadow(unsigned long start, unsigned long end, phys_addr_t gpa)
{
	unsigned long at = shadow_of(start);

	if (r3_host_map(at, PAGE_ALIGN(shadow_of(end)) - at, PROT_READ | PROT_WRITE, gpa))
		panic("ring3: the host does not map KASAN's shadow");
}

void __init kasan_init(void)
{
	unsigned long ram = R3_DIRECT_BASE + r3_boot->ram_size;
	unsigned long image = (unsigned long)_end;
	phys_addr_t of_ram, of_image;

	BUILD_BUG_ON(shadow_of(R3_DIRECT_BASE) != R3_SHADOW_BASE);
	BUILD_BUG_ON(shadow_of(MODULES_VADDR) & ~PAGE_MASK);

	of_ram = make_shadow(R3_DIRECT_BASE, ram);
	of_image = make_shadow(R3_IMAGE_BASE, image);
	/* Until it is ready nothing may be called that looks at it. */
	r3_kasan_drop();
	memset(kasan_early_shadow_page, 0, PAGE_SIZE);
	map_shadow(R3_DIRECT_BASE, ram, of_ram);
	map_shadow(R3_IMAGE_BASE, image, of_image);
	ready = true;
	init_task.kasan_depth = 0;
	pr_info("KernelAddressSanitizer initialized\n");
}
