// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that was never used costs the host nothing, but what describes it
 * would: 64 bytes of struct page for 4 KiB. Mainline keeps whole blocks of the
 * largest order away from the allocator until there is too little else, for
 * machines that have to accept memory from their firmware before its first use
 * (UNACCEPTED_MEMORY). Of such a block it looks at the first struct page only.
 * So here the host gets back the others of all blocks that still wait when the
 * guest has booted, and "to accept" a block means to write them anew.
 *
 * Who looks at all struct pages (/proc/kpageflags, compaction) finds those
 * zeroed: no references, no flags, node and zone 0, which are the only ones.
 *
 * Without it a guest of 1 GiB has 14 MB more of the host's memory (docs/benchmarks.md).
 */
#include <linux/efi.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <asm/host.h>
#include <asm/memmap.h>
#include <asm/unaccepted_memory.h>
#include "../../../mm/internal.h"		/* accept_page() */

#ifdef R3_MEMMAP_ON_DEMAND

#define BLOCK_BYTES	(PAGE_SIZE << MAX_PAGE_ORDER)

enum state { WRITTEN, WITH_HOST, ACCEPTED };

struct efi_unaccepted_memory *r3_unaccepted __ro_after_init;

/* A byte for each block, guarded by the lock. */
static u8 *states __ro_after_init;
static unsigned long nr_blocks __ro_after_init;
static DEFINE_SPINLOCK(memmap_lock);

/* Whole pages of struct pages that belong to one block, without its first. */
static void *first_page_of(struct page *block)
{
	return PTR_ALIGN((void *)(block + 2), PAGE_SIZE);
}

static void *end_of(struct page *block)
{
	return PTR_ALIGN_DOWN((void *)(block + MAX_ORDER_NR_PAGES), PAGE_SIZE);
}

static struct zone *the_zone(void)
{
	return &NODE_DATA(0)->node_zones[ZONE_NORMAL];
}

static struct page *block_page(unsigned long i)
{
	return pfn_to_page(i << MAX_PAGE_ORDER);
}

/* All pages of a block but the first are alike while it waits; lru is empty. */
static void write_block(struct page *block)
{
	struct page *page;

	for (page = first_page_of(block); page < (struct page *)end_of(block); page++) {
		*page = block[1];
		INIT_LIST_HEAD(&page->lru);
	}
}

/*
 * Generic code waits for this before it looks at the block's pages. It also
 * asks for the block that follows, which may keep waiting, and never again.
 */
void arch_accept_memory(phys_addr_t start, phys_addr_t end)
{
	unsigned long flags, i;

	spin_lock_irqsave(&memmap_lock, flags);
	for (i = start / BLOCK_BYTES; i < end / BLOCK_BYTES; i++) {
		if (states[i] == WITH_HOST)
			write_block(block_page(i));
		states[i] = ACCEPTED;
	}
	spin_unlock_irqrestore(&memmap_lock, flags);
}

void __init r3_memmap_init(void)
{
	unsigned long blocks = (max_pfn << PAGE_SHIFT) / BLOCK_BYTES;
	size_t bytes = BITS_TO_LONGS(blocks) * sizeof(long);
	struct efi_unaccepted_memory *table = memblock_alloc(sizeof(*table) + bytes, SMP_CACHE_BYTES);

	BUILD_BUG_ON(ZONE_NORMAL);
	states = memblock_alloc(blocks, SMP_CACHE_BYTES);
	if (!blocks || !table || !states)
		return;
	table->unit_size = BLOCK_BYTES;
	table->size = bytes;
	bitmap_set(table->bitmap, 0, blocks);
	nr_blocks = blocks;
	r3_unaccepted = table;
}

/* What is in use already waits for nobody. */
void __init r3_memmap_reserve(void)
{
	phys_addr_t start, end;
	u64 i;

	for_each_reserved_mem_range(i, &start, &end)
		accept_memory(start, end - start);
}

/*
 * Before there are watermarks, each allocation would accept a block. This one
 * serves nothing else, and is set like the others before long.
 */
void __init r3_memmap_start(void)
{
	the_zone()->_watermark[WMARK_PROMO] = 2 * MAX_ORDER_NR_PAGES;
}

void r3_memmap_ahead(void)
{
	struct zone *zone = the_zone();
	struct page *block;

	if (likely(READ_ONCE(zone->free_area[MAX_PAGE_ORDER].nr_free) ||
		   list_empty(&zone->unaccepted_pages)))
		return;
	spin_lock_irq(&zone->lock);
	block = list_first_entry_or_null(&zone->unaccepted_pages, struct page, lru);
	spin_unlock_irq(&zone->lock);
	if (block)
		accept_page(block);
}

static void give_back(unsigned long i)
{
	struct page *block = block_page(i);
	void *start = first_page_of(block);

	spin_lock_irq(&memmap_lock);
	if (states[i] == WRITTEN && PageUnaccepted(block) &&
	    !r3_host_forget(__pa(start), end_of(block) - start))
		states[i] = WITH_HOST;
	spin_unlock_irq(&memmap_lock);
}

static void give_back_all(struct work_struct *work)
{
	unsigned long i;

	for (i = 0; i < nr_blocks; i++) {
		give_back(i);
		cond_resched();
	}
}

static DECLARE_DELAYED_WORK(give_back_work, give_back_all);

/* The boot does not wait for it, and a guest that ends at once need not do it. */
static int __init r3_memmap_later(void)
{
	if (PAGE_SIZE % sizeof(struct page) || (unsigned long)mem_map % sizeof(struct page))
		return 0;
	schedule_delayed_work(&give_back_work, HZ);
	return 0;
}
late_initcall(r3_memmap_later);

#endif
