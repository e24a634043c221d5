// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests: no page goes back to the allocator while a space may have it mapped.
 *
 * Each command that a space is given is also done here, on a list of what it
 * maps. A frame is counted from the moment that a MAP of it is queued until the
 * command that takes its place, or takes it away, is acknowledged, or the space's
 * process has ended. The allocator asks for the count of each page that it gets
 * or gives. That goes for user memory, slots, command pages, copies of code.
 *
 * With page_poison=1 whoever has such a page nevertheless reads the pattern, and
 * what is written there is found when the page is handed out.
 *
 * ring3_debug_spaces=0 switches it off, for mutation tests of other walls.
 */
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/xarray.h>
#include <asm/debug_spaces.h>
#include <asm/space.h>

static atomic_t *users __ro_after_init;	/* of each frame; NULL: switched off */

static bool debug_spaces __initdata = true;

static int __init parse(char *value)
{
	return kstrtobool(value, &debug_spaces);
}
early_param("ring3_debug_spaces", parse);

void __init r3_debug_init(void)
{
	if (!debug_spaces)
		return;
	users = memblock_alloc(max_pfn * sizeof(*users), SMP_CACHE_BYTES);
	if (!users)
		panic("ring3: no memory for CONFIG_RING3_DEBUG_SPACES");
}

static void get(unsigned long pfn)
{
	if (users)
		atomic_inc(&users[pfn]);
}

static void put(unsigned long pfn)
{
	if (users && WARN_ON_ONCE(atomic_dec_return(&users[pfn]) < 0))
		atomic_set(&users[pfn], 0);
}

static void check(struct page *page, int order, const char *what)
{
	unsigned long pfn = page_to_pfn(page), i;

	for (i = pfn; users && i < pfn + (1UL << order); i++) {
		if (likely(!atomic_read(&users[i])))
			continue;
		pr_emerg("ring3: page %#lx is %s while a space may have it mapped\n", i, what);
		BUG();
	}
}

void arch_free_page(struct page *page, int order)
{
	check(page, order, "freed");
}

void arch_alloc_page(struct page *page, int order)
{
	check(page, order, "handed out");
}

/* Until the next acknowledgement. */
static void leave(struct r3_debug_space *d, unsigned long page)
{
	void *frame = xa_erase(&d->mapped, page);

	if (!frame)
		return;
	if (xa_is_err(xa_store(&d->leaving, d->nr_leaving, frame, GFP_ATOMIC | __GFP_NOWARN)))
		put(xa_to_value(frame));	/* no memory: it is watched no longer */
	else
		d->nr_leaving++;
}

static void map(struct r3_debug_space *d, unsigned long page, unsigned long pfn)
{
	void *old = xa_load(&d->mapped, page);

	if (old && xa_to_value(old) == pfn)
		return;
	leave(d, page);
	get(pfn);
	if (xa_is_err(xa_store(&d->mapped, page, xa_mk_value(pfn), GFP_ATOMIC | __GFP_NOWARN)))
		put(pfn);
}

void r3_debug_space_cmd(struct r3_space *space, u32 op, unsigned long addr, unsigned long len,
			unsigned long off)
{
	struct r3_debug_space *d = &space->debug;
	unsigned long page = addr >> PAGE_SHIFT, end = (addr + len) >> PAGE_SHIFT, i, flags;
	void *frame;

	if (!users || (op != R3_OP_MAP && op != R3_OP_UNMAP))
		return;
	raw_spin_lock_irqsave(&d->lock, flags);
	if (d->gone)
		goto out;
	if (op == R3_OP_MAP) {
		for (i = page; i < end; i++)
			map(d, i, (off >> PAGE_SHIFT) + i - page);
	} else {
		xa_for_each_range(&d->mapped, i, frame, page, end - 1)
			leave(d, i);
	}
	d->dropped = op == R3_OP_UNMAP && !addr && len == R3_TASK_SIZE;
out:
	raw_spin_unlock_irqrestore(&d->lock, flags);
}

static void forget(struct xarray *frames)
{
	unsigned long i;
	void *frame;

	xa_for_each(frames, i, frame)
		put(xa_to_value(frame));
	xa_destroy(frames);
}

/* All commands so far are done; if one failed, nobody knows what is mapped until all is dropped. */
void r3_debug_space_acked(struct r3_space *space, bool failed)
{
	struct r3_debug_space *d = &space->debug;
	unsigned long flags;

	raw_spin_lock_irqsave(&d->lock, flags);
	d->unsure = failed || (d->unsure && !d->dropped);
	if (!d->unsure) {
		forget(&d->leaving);
		d->nr_leaving = 0;
	}
	raw_spin_unlock_irqrestore(&d->lock, flags);
}

void r3_debug_space_begin(struct r3_space *space)
{
	raw_spin_lock_init(&space->debug.lock);
	xa_init(&space->debug.mapped);
	xa_init(&space->debug.leaving);
	get(virt_to_pfn(space->cmd));
}

void r3_debug_space_gone(struct r3_space *space)
{
	struct r3_debug_space *d = &space->debug;
	unsigned long flags;

	raw_spin_lock_irqsave(&d->lock, flags);
	if (!d->gone) {
		d->gone = true;
		forget(&d->mapped);
		forget(&d->leaving);
		put(virt_to_pfn(space->cmd));
	}
	raw_spin_unlock_irqrestore(&d->lock, flags);
}
