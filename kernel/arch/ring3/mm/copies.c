// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies of code in which system calls are jumps: what an address space has of
 * them, from when to when.
 *
 * Theory of operation. Everything here belongs to one mm. A system call is
 * rewritten for it only after it has itself executed the instruction there
 * (rewrite.c), so whoever maps the same page and has not sees the original, and
 * nobody can change what another program executes. A child of a fork has the
 * same program, and shares what was found until one of the two finds more.
 *
 * The page that code came from is never changed: a copy is patched, and the
 * space maps the copy where the page tables name the page. Other readers of the
 * page, a debugger, a core dump, and the file, see the original. The copy is
 * mapped at one address only, which its struct code_page names, and only where
 * the page table entry says R3_PTE_CODE: a private, executable mapping of a file
 * that cannot be written.
 *
 * mm->context.rewrite points to a snapshot that never changes. When a page gets
 * a new copy, the snapshot with the old one stays in mm->context.retired until
 * the manager has acknowledged the command that takes the old copy's place:
 * before that a thread of the mm may execute it.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/pagemap.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <asm/fpu.h>
#include "copies.h"

void *r3_site_table __ro_after_init;

static bool rewrite = true;
core_param(ring3_rewrite, rewrite, bool, 0444);

static int __init r3_rewrite_init(void)
{
	unsigned long *table;
	unsigned int i;
	u32 a, b, c, d;

	asm volatile("cpuid" : "=a" (a), "=b" (b), "=c" (c), "=d" (d) : "0" (0xd), "2" (1));
	if (!rewrite || r3_boot->nr_cpus > R3_FAST_SLOTS || r3_xsave_size <= 576 || !(a & 1))
		return 0;
	table = alloc_pages_exact(R3_SITE_TABLE_END - R3_SITE_TABLE, GFP_KERNEL | __GFP_ZERO);
	if (!table)
		return 0;
	for (i = 0; i < R3_MAX_SITES; i++)
		table[i] = R3_STUB_TRAMP + i * 16;
	table += (R3_SITE_SLOTS - R3_SITE_TABLE) / sizeof(*table);
	for (i = 0; i < R3_FAST_SLOTS; i++)
		table[R3_SLOT_DS(i)] = R3_STUB_SLOTS + i * R3_SLOT_STRIDE;
	r3_site_table = table - (R3_SITE_SLOTS - R3_SITE_TABLE) / sizeof(*table);
	return 0;
}
early_initcall(r3_rewrite_init);

/* ---- a copy ---- */

static void copy_put(struct copy *copy)
{
	if (copy && refcount_dec_and_test(&copy->users)) {
		__free_page(copy->page);
		kfree(copy);
	}
}

/* Is it a copy of what the page holds now? */
static bool is_copy_of(const struct copy *copy, const struct page *page)
{
	const u8 *a = page_address(copy->page), *b = page_address((struct page *)page);
	unsigned int i, at = 0;

	for (i = 0; i < copy->nr; i++) {
		const struct span *s = &copy->span[i];

		if (memcmp(a + at, b + at, s->start - at) || memcmp(b + s->start, s->saved, s->len))
			return false;
		at = s->start + s->len;
	}
	return !memcmp(a + at, b + at, PAGE_SIZE - at);
}

/* The jump through the site's entry in the table. */
static void patch(u8 *code, const struct r3_site *s, unsigned int index)
{
	unsigned int end = offset_in_page(s->end - 1) + 1;
	u8 *p = code + end - s->before;
	u32 entry = R3_SITE_TABLE + index * 8;

	if (s->kind == R3_SITE_HEAD) {
		/* Segment prefixes without a meaning here. */
		while (p + JUMP_SIZE < code + end)
			*p++ = 0x3e;
	}
	*p++ = 0xff;		/* jmp *entry */
	*p++ = 0x24;
	*p++ = s->kind == R3_SITE_HEAD ? 0x25 : 0xe5;
	memcpy(p, &entry, 4);
}

/* Inserts what a site replaces, unless it meets what another one does. */
static bool add_span(struct copy *copy, const u8 *code, const struct r3_site *s)
{
	unsigned int start = offset_in_page(s->end - 1) + 1 - s->before, i;
	unsigned int len = max_t(unsigned int, s->before, JUMP_SIZE);

	for (i = copy->nr; i && copy->span[i - 1].start > start; i--)
		;
	/* Behind TAIL's jump is the last byte of its compare, which stays. */
	if ((i && copy->span[i - 1].start + SITE_SIZE_MAX > start) ||
	    (i < copy->nr && start + SITE_SIZE_MAX > copy->span[i].start))
		return false;
	memmove(&copy->span[i + 1], &copy->span[i], (copy->nr - i) * sizeof(copy->span[0]));
	copy->span[i] = (struct span){ .start = start, .len = len };
	memcpy(copy->span[i].saved, code + start, len);
	copy->nr++;
	return true;
}

/*
 * A copy of the page at addr with all sites of the snapshot that are there, and
 * still stand in the page. May sleep.
 */
static struct copy *copy_new(const struct r3_rewrite *w, unsigned long addr, struct page *page)
{
	unsigned int i, n = 0;
	struct copy *copy;
	u8 *code;

	for (i = 0; i < w->nr_sites; i++)
		n += w->site[i].before && site_page(&w->site[i]) == addr;
	copy = kzalloc(struct_size(copy, span, n), R3_OPTIONAL);
	if (!copy)
		return NULL;
	refcount_set(&copy->users, 1);
	copy->page = alloc_page(R3_OPTIONAL);
	if (!copy->page) {
		kfree(copy);
		return NULL;
	}
	code = page_address(copy->page);
	copy_page(code, page_address(page));
	for (i = w->nr_sites; i--; ) {
		const struct r3_site *s = &w->site[i];
		struct r3_site again = { };

		if (!s->before || site_page(s) != addr ||
		    !r3_site_decode(page_address(page), offset_in_page(s->end - 1) + 1, s->value, &again) ||
		    again.kind != s->kind || again.before != s->before || again.value != s->value)
			continue;
		if (add_span(copy, page_address(page), s))
			patch(code, s, i);
	}
	return copy;
}

/* ---- a snapshot ---- */

static void snapshot_free(struct rcu_head *rcu)
{
	struct r3_rewrite *w = container_of(rcu, struct r3_rewrite, rcu);
	unsigned int i;

	for (i = 0; i < w->nr_pages; i++)
		copy_put(w->page[i].copy);
	kfree(w);
}

void r3_rewrite_put(struct r3_rewrite *w)
{
	if (w && refcount_dec_and_test(&w->users))
		call_rcu(&w->rcu, snapshot_free);
}

/* The mm's snapshot, which stays until it is put, or NULL. */
struct r3_rewrite *r3_rewrite_get(struct mm_struct *mm)
{
	struct r3_rewrite *w;

	rcu_read_lock();
	do {
		w = rcu_dereference(mm->context.rewrite);
	} while (w && !refcount_inc_not_zero(&w->users));
	rcu_read_unlock();
	return w;
}

static struct r3_rewrite *snapshot_new(unsigned int pages, unsigned int sites)
{
	struct r3_rewrite *w = kzalloc(sizeof(*w) + pages * sizeof(w->page[0]) +
				       sites * sizeof(w->site[0]), R3_OPTIONAL);

	if (!w)
		return NULL;
	refcount_set(&w->users, 1);
	w->page = (struct code_page *)(w + 1);
	w->site = (struct r3_site *)(w->page + pages);
	return w;
}

static struct code_page *page_at(const struct r3_rewrite *w, unsigned long addr)
{
	unsigned int i;

	for (i = 0; i < w->nr_pages; i++) {
		if (w->page[i].addr == addr)
			return &w->page[i];
	}
	return NULL;
}

/**
 * r3_rewrite_extend - a snapshot with more sites in one page
 * @base: the one that is there, or NULL
 * @addr: of the page
 * @page: it; from the page cache, and held
 * @add: the sites, all in this page, that base does not have
 * @nr: of them; 0 if only the copy is to be made anew
 *
 * Sites are never forgotten, so a call that is on its way when its page goes is
 * still known. Returns NULL if there is no memory or there are too many. May sleep.
 */
struct r3_rewrite *r3_rewrite_extend(const struct r3_rewrite *base, unsigned long addr,
				     struct page *page, const struct r3_site *add, unsigned int nr)
{
	unsigned int pages = base ? base->nr_pages : 0, sites = base ? base->nr_sites : 0, i;
	struct code_page *at;
	struct r3_rewrite *w;

	if (sites + nr > MAX_SITES || (pages == MAX_PAGES && !page_at(base, addr)))
		return NULL;
	w = snapshot_new(pages + 1, sites + nr);
	if (!w)
		return NULL;
	if (base) {
		memcpy(w->site, base->site, sites * sizeof(w->site[0]));
		memcpy(w->page, base->page, pages * sizeof(w->page[0]));
	}
	memcpy(w->site + sites, add, nr * sizeof(w->site[0]));
	w->nr_sites = sites + nr;
	w->nr_pages = pages;
	at = page_at(w, addr);
	if (!at) {
		at = &w->page[w->nr_pages++];
	} else if (!is_copy_of(at->copy, page)) {
		/* Other code. Who is on the way from the old one is still known. */
		for (i = 0; i < sites; i++) {
			if (site_page(&w->site[i]) == addr)
				w->site[i].before = 0;
		}
	}
	for (i = 0; i < pages; i++) {
		if (&w->page[i] != at)
			refcount_inc(&w->page[i].copy->users);
	}
	at->addr = addr;
	at->pfn = page_to_pfn(page);
	at->copy = copy_new(w, addr, page);
	if (at->copy)
		return w;
	r3_rewrite_put(w);
	return NULL;
}

/* Is the site a jump in the copy of this page, as the page is now? */
bool r3_rewrite_has(const struct r3_rewrite *w, struct page *page, const struct r3_site *s)
{
	unsigned int start = offset_in_page(s->end - 1) + 1 - s->before, i;
	struct code_page *at = w ? page_at(w, site_page(s)) : NULL;

	if (!at || at->pfn != page_to_pfn(page) || !is_copy_of(at->copy, page))
		return false;
	for (i = 0; i < at->copy->nr && at->copy->span[i].start != start; i++)
		;
	return i < at->copy->nr;
}

/* Has the snapshot a copy that may be mapped at addr? */
bool r3_rewrite_copied(const struct r3_rewrite *w, unsigned long addr)
{
	return w && page_at(w, addr);
}

/* ---- an address space ---- */

void r3_rewrite_table(struct r3_space *space)
{
	if (space->site_table)
		return;
	space->site_table = true;
	space->nr_maps++;
	r3_space_cmd(space, R3_OP_MAP, 1 /* read */, R3_SITE_TABLE,
		     R3_SITE_TABLE_END - R3_SITE_TABLE, __pa(r3_site_table));
}

/**
 * r3_rewrite_pfn - the page that a space should have where its tables name one
 * @space: mm's, locked
 * @mm: the address space
 * @addr: of the mapping
 * @pfn: from the page table entry, which says R3_PTE_CODE
 */
unsigned long r3_rewrite_pfn(struct r3_space *space, struct mm_struct *mm, unsigned long addr,
			     unsigned long pfn)
{
	struct r3_rewrite *w = rcu_dereference_protected(mm->context.rewrite,
							 lockdep_is_held(&space->lock));
	struct code_page *at;

	if (likely(!w) || !r3_rewrite_possible(mm))
		return pfn;
	at = page_at(w, addr);
	if (!at || at->pfn != pfn || PageAnon(pfn_to_page(pfn)) ||
	    !is_copy_of(at->copy, pfn_to_page(pfn)))
		return pfn;
	r3_rewrite_table(space);
	return page_to_pfn(at->copy->page);
}

/* The old mm is locked for writing, the new one nobody knows. */
void r3_rewrite_fork(struct mm_struct *oldmm, struct mm_struct *mm)
{
	mm->context.no_rewrite = oldmm->context.no_rewrite;
	if (!mm->context.no_rewrite)
		rcu_assign_pointer(mm->context.rewrite, r3_rewrite_get(oldmm));
}

/* The mm has no space any more. */
void r3_rewrite_free(struct mm_struct *mm)
{
	struct r3_rewrite *w = rcu_dereference_protected(mm->context.rewrite, true);
	unsigned int i;

	RCU_INIT_POINTER(mm->context.rewrite, NULL);
	r3_rewrite_put(w);
	for (i = 0; i < R3_RETIRED; i++) {
		r3_rewrite_put(mm->context.retired[i].snapshot);
		mm->context.retired[i].snapshot = NULL;
	}
	kfree(mm->context.seen);
	mm->context.seen = NULL;
}
