// SPDX-License-Identifier: GPL-2.0-only
/* Guest RAM, page tables, protection bits. */
#include <linux/mm.h>
#include <linux/huge_mm.h>
#include <linux/string.h>
#include <linux/memblock.h>
#include <linux/init.h>
#include <linux/kfence.h>
#include <linux/pgtable.h>
#include <linux/gfp.h>
#include <linux/export.h>
#include <asm/pgalloc.h>
#include <asm/sections.h>
#include <asm/host.h>
#include <asm/memmap.h>
#include <asm/space.h>
#include <asm/versions.h>
#if __has_include("../../../mm/page_alloc.h")
#include "../../../mm/page_alloc.h"		/* drain_all_pages() */
#endif

pgd_t swapper_pg_dir[PTRS_PER_PGD] __page_aligned_bss;

void __init arch_zone_limits_init(unsigned long *max_zone_pfn)
{
	max_zone_pfn[ZONE_NORMAL] = max_pfn;
}

void __init paging_init(void)
{
#ifdef R3_OLD_MM_INIT
	unsigned long max_zone_pfn[MAX_NR_ZONES] = { };

	arch_zone_limits_init(max_zone_pfn);
#endif
	r3_memmap_init();
	r3_debug_init();
#ifdef R3_OLD_MM_INIT
	free_area_init(max_zone_pfn);
#endif
}

/* Right before the allocator gets its memory, */
void __init arch_mm_preinit(void)
{
	r3_forget_zeroes();
	r3_memmap_reserve();
}

/* and right after. */
void __init mem_init(void)
{
#ifdef R3_OLD_MM_INIT
	set_max_mapnr(max_pfn);
	arch_mm_preinit();
	memblock_free_all();
#endif
	r3_memmap_start();
	r3_space_init();
}

/*
 * The first pages that user space gets would be the initrd's, from the last to
 * the first, as that is how single pages that were freed are handed out again.
 * Pages of a file that follow each other save mappings: see run_add().
 */
void free_initmem(void)
{
	free_initmem_default(POISON_FREE_INITMEM);
	drain_all_pages(NULL);
}

#ifdef R3_ANON_ORDERS
/*
 * A fault costs a round trip to the space whatever it maps, so anonymous
 * memory comes in folios of up to 64 KiB unless the command line says else.
 */
static int __init r3_anon_orders(void)
{
	if (!strstr(boot_command_line, "thp_anon="))
		huge_anon_orders_always |= BIT(2) | BIT(3) | BIT(4);
	return 0;
}
late_initcall(r3_anon_orders);
#endif

pgd_t *pgd_alloc(struct mm_struct *mm)
{
	return (pgd_t *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

bool __virt_addr_valid(unsigned long addr)
{
	if (is_kfence_address((void *)addr))
		return true;
	if (addr >= R3_IMAGE_BASE)
		return addr < (unsigned long)_end;
	return addr >= R3_DIRECT_BASE && addr - R3_DIRECT_BASE < r3_boot->ram_size;
}
EXPORT_SYMBOL(__virt_addr_valid);

static const pgprot_t protection_map[16] = {
	[VM_NONE]					= PAGE_NONE,
	[VM_READ]					= PAGE_READONLY,
	[VM_WRITE]					= PAGE_READONLY,
	[VM_WRITE | VM_READ]				= PAGE_READONLY,
	[VM_EXEC]					= PAGE_READONLY_EXEC,
	[VM_EXEC | VM_READ]				= PAGE_READONLY_EXEC,
	[VM_EXEC | VM_WRITE]				= PAGE_READONLY_EXEC,
	[VM_EXEC | VM_WRITE | VM_READ]			= PAGE_READONLY_EXEC,
	[VM_SHARED]					= PAGE_NONE,
	[VM_SHARED | VM_READ]				= PAGE_READONLY,
	[VM_SHARED | VM_WRITE]				= PAGE_SHARED,
	[VM_SHARED | VM_WRITE | VM_READ]		= PAGE_SHARED,
	[VM_SHARED | VM_EXEC]				= PAGE_READONLY_EXEC,
	[VM_SHARED | VM_EXEC | VM_READ]			= PAGE_READONLY_EXEC,
	[VM_SHARED | VM_EXEC | VM_WRITE]		= PAGE_SHARED_EXEC,
	[VM_SHARED | VM_EXEC | VM_WRITE | VM_READ]	= PAGE_SHARED_EXEC,
};

/*
 * VM_MAYSHARE stays where a shared mapping of a file that was opened for reading,
 * or one whose writes are to be noticed, has lost VM_SHARED.
 */
pgprot_t vm_get_page_prot(unsigned long vm_flags)
{
	pgprot_t prot = protection_map[vm_flags & (VM_READ | VM_WRITE | VM_EXEC | VM_SHARED)];

	if ((vm_flags & (VM_EXEC | VM_WRITE | VM_SHARED | VM_MAYSHARE)) == VM_EXEC)
		pgprot_val(prot) |= R3_PTE_CODE;
	return prot;
}
EXPORT_SYMBOL(vm_get_page_prot);

void clear_page(void *page)
{
	unsigned long n = PAGE_SIZE / 8;

	asm volatile("rep stosq" : "+c" (n), "+D" (page) : "a" (0) : "memory");
}
EXPORT_SYMBOL(clear_page);

void copy_page(void *to, void *from)
{
	unsigned long n = PAGE_SIZE / 8;

	asm volatile("rep movsq" : "+c" (n), "+D" (to), "+S" (from) :: "memory");
}
EXPORT_SYMBOL(copy_page);
