// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables that are made before the allocator, above all the hash tables of
 * the VFS, are written with zeroes, which the pages were already. They stay
 * empty in a guest that does little, and are larger in a larger guest.
 */
#include <linux/init.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/host.h>
#include <asm/memmap.h>
#include <asm/sections.h>

/* Not to be read: what the host has no page for yet, or surely no zeroes in. */
static bool __init is_other(phys_addr_t at)
{
	void *p = __va(at);

	return (at >= __pa_symbol(_text) && at < __pa_symbol(_end)) ||
	       (p >= (void *)mem_map && p < (void *)(mem_map + max_pfn)) ||
	       (at >= r3_boot->initrd_gpa && at < r3_boot->initrd_gpa + r3_boot->initrd_size);
}

static bool __init is_zero(phys_addr_t at, phys_addr_t end)
{
	return at < end && !is_other(at) && !memchr_inv(__va(at), 0, PAGE_SIZE);
}

/* Nothing else runs yet, so who reads zeroes can forget them. */
void __init r3_forget_zeroes(void)
{
	phys_addr_t at, from, end;
	u64 i;

	for_each_reserved_mem_range(i, &at, &end) {
		at = PAGE_ALIGN(at);
		end = PAGE_ALIGN_DOWN(end);
		while (at < end) {
			for (from = at; is_zero(at, end); at += PAGE_SIZE)
				;
			if (at > from)
				r3_host_forget(from, at - from);
			else
				at += PAGE_SIZE;
		}
	}
}
