// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls without a signal. Where user code has made a system call, the
 * instruction is replaced by a jump through a table to the space's stub, which
 * hands the registers over itself (space/stub.S).
 *
 * The page that user code came from is never changed: a copy is patched, and
 * spaces map the copy where the page tables name the page. So other readers of
 * the page, a debugger, a core dump, and the file, see the original. Only pages
 * of the page cache that are not writable are treated this way. A copy that
 * some space may map is never changed either: one more site makes a new version.
 *
 * Two forms:
 *
 *   HEAD   mov $nr, %eax; syscall       ->  jmp *entry
 *   TAIL   syscall; cmp $imm, %rax      ->  jmp *entry; ...
 *
 * A jump into HEAD's old syscall instruction finds the upper half of the
 * entry's address, 06 00, which is no instruction; one to TAIL's old compare
 * finds IN, which is not allowed. Both trap, and r3_rewrite_trap() does what
 * the original would have done. TAIL's compare is done by the kernel.
 *
 * The kernel knows a call's address by its site and by where the mm has the
 * page; a page that an mm maps a second time stays as it is there.
 */
#include <linux/mm.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <linux/pagemap.h>
#include <linux/mutex.h>
#include <linux/moduleparam.h>
#include <linux/sched/mm.h>
#include <asm/unistd.h>
#include <asm/fpu.h>

#include "rewrite.h"

struct site r3_sites[R3_MAX_SITES];
static DECLARE_BITMAP(site_used, R3_MAX_SITES);
struct group *r3_groups[NR_GROUPS];
unsigned int r3_groups_end;
static DEFINE_XARRAY(by_pfn);
static DEFINE_MUTEX(rewrite_mutex);
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

static struct r3_rewrite *get_rewrite(struct mm_struct *mm, gfp_t gfp)
{
	struct r3_rewrite *w = READ_ONCE(mm->context.rewrite), *other;

	if (w)
		return w;
	w = kzalloc(sizeof(*w), gfp);
	if (!w)
		return NULL;
	other = cmpxchg(&mm->context.rewrite, NULL, w);
	if (other) {
		kfree(w);
		return other;
	}
	return w;
}

/* A version's pages are freed only while nobody uses it and it is not cur. */
static unsigned int take_version(struct group *g)
{
	unsigned int v;

	for (;;) {
		v = READ_ONCE(g->cur);
		atomic_inc(&g->ver[v].users);
		smp_mb__after_atomic();
		if (v == READ_ONCE(g->cur))
			return v;
		atomic_dec(&g->ver[v].users);
	}
}

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
 * @pfn: from the page table entry; it allows execution and no writing
 */
unsigned long r3_rewrite_pfn(struct r3_space *space, struct mm_struct *mm, unsigned long addr,
			     unsigned long pfn)
{
	struct r3_rewrite *w;
	struct group *g;
	unsigned long old;
	unsigned int v;

	if (!r3_rewrite_possible(mm))
		return pfn;
	g = xa_load(&by_pfn, pfn);
	if (likely(!g) || READ_ONCE(g->stale))
		return pfn;
	w = get_rewrite(mm, GFP_NOWAIT | __GFP_NOWARN);
	if (!w)
		return pfn;
	old = w->rec[g->id];
	if (old && (old & PAGE_MASK) != addr && r3_maps_pfn(mm, old & PAGE_MASK, pfn))
		return pfn;
	v = take_version(g);
	if (!old && memcmp(page_address(g->original), page_address(g->page), PAGE_SIZE)) {
		g->stale = true;
		atomic_dec(&g->ver[v].users);
		return pfn;
	}
	WRITE_ONCE(w->rec[g->id], addr | v);
	if (old)
		atomic_dec(&g->ver[old & ~PAGE_MASK].users);
	r3_rewrite_table(space);
	return page_to_pfn(g->ver[v].page);
}

/* The mm has no space any more. */
void r3_rewrite_free(struct mm_struct *mm)
{
	struct r3_rewrite *w = mm->context.rewrite;
	unsigned int i;

	if (!w)
		return;
	mm->context.rewrite = NULL;
	for (i = 0; i < r3_groups_end; i++) {
		if (w->rec[i])
			atomic_dec(&r3_groups[i]->ver[w->rec[i] & ~PAGE_MASK].users);
	}
	kfree(w);
}

static bool unused(struct group *g)
{
	unsigned int i;

	for (i = 0; i < NR_VERSIONS; i++) {
		if (g->ver[i].page && atomic_read(&g->ver[i].users))
			return false;
	}
	return true;
}

static void free_group(struct group *g)
{
	unsigned int i;

	for (i = 0; i < NR_VERSIONS; i++) {
		if (g->ver[i].page)
			__free_page(g->ver[i].page);
	}
	for (i = 0; i < g->nr; i++)
		clear_bit(g->site[i], site_used);
	r3_groups[g->id] = NULL;
	__free_page(g->original);
	put_page(g->page);
	kfree(g);
}

/* Frees the groups that no address space uses; of all, or only of those whose
 * page is not what it was. The mutex is held. */
static void sweep(bool all)
{
	DECLARE_BITMAP(victims, NR_GROUPS);
	unsigned int i, found = 0;

	bitmap_zero(victims, NR_GROUPS);
	for (i = 0; i < NR_GROUPS; i++) {
		struct group *g = r3_groups[i];

		if (!g || !(all || g->stale || !folio_mapping(page_folio(g->page))) || !unused(g))
			continue;
		if (xa_load(&by_pfn, page_to_pfn(g->page)) == g)
			xa_erase(&by_pfn, page_to_pfn(g->page));
		__set_bit(i, victims);
		found++;
	}
	if (!found)
		return;
	/* Who found one before it was erased has counted itself by then. */
	synchronize_rcu();
	for_each_set_bit(i, victims, NR_GROUPS) {
		if (unused(r3_groups[i]))
			free_group(r3_groups[i]);
		else
			r3_groups[i]->stale = true;
	}
}

static struct group *new_group(struct page *page)
{
	struct group *g;
	unsigned int id;

	for (id = 0; id < NR_GROUPS && r3_groups[id]; id++)
		;
	if (id == NR_GROUPS) {
		sweep(true);
		for (id = 0; id < NR_GROUPS && r3_groups[id]; id++)
			;
		if (id == NR_GROUPS)
			return NULL;
	}
	g = kzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return NULL;
	g->original = alloc_page(GFP_KERNEL);
	if (!g->original) {
		kfree(g);
		return NULL;
	}
	copy_page(page_address(g->original), page_address(page));
	g->id = id;
	g->page = page;
	get_page(page);
	r3_groups[id] = g;
	r3_groups_end = max(r3_groups_end, id + 1);
	return g;
}

static bool overlaps(struct group *g, const struct site *new)
{
	unsigned int i;

	for (i = 0; i < g->nr; i++) {
		struct site *s = &r3_sites[g->site[i]];

		if (new->start < s->start + 9 && s->start < new->start + 9)
			return true;
	}
	return false;
}

static bool add_site(struct group *g, struct site *new)
{
	unsigned int index = find_first_zero_bit(site_used, R3_MAX_SITES), i;

	if (g->nr == GROUP_SITES || index == R3_MAX_SITES)
		return false;
	new->group = g->id;
	r3_sites[index] = *new;
	__set_bit(index, site_used);
	for (i = g->nr; i && r3_sites[g->site[i - 1]].start > new->start; i--)
		g->site[i] = g->site[i - 1];
	g->site[i] = index;
	g->nr++;
	return true;
}

static bool new_version(struct group *g)
{
	unsigned int v, i;
	struct page *copy;

	for (v = 0; v < NR_VERSIONS; v++) {
		if (!g->ver[v].page || (v != g->cur && !atomic_read(&g->ver[v].users)))
			break;
	}
	if (v == NR_VERSIONS)
		return false;
	copy = alloc_page(GFP_KERNEL);
	if (!copy)
		return false;
	copy_page(page_address(copy), page_address(g->original));
	for (i = 0; i < g->nr; i++)
		r3_site_patch(page_address(copy), g->site[i]);
	if (g->ver[v].page)
		__free_page(g->ver[v].page);
	g->ver[v].page = copy;
	smp_store_release(&g->cur, v);
	return true;
}

/* With its first site, or one more. The mutex is held. */
static struct group *group_with(struct page *page, struct site *new, long nr)
{
	struct group *g = xa_load(&by_pfn, page_to_pfn(page)), *fresh = NULL;
	struct site again = { };

	if (g && memcmp(page_address(g->original), page_address(page), PAGE_SIZE))
		g->stale = true;
	if (g && (g->stale || overlaps(g, new)))
		return g->stale ? NULL : g;
	if (!g) {
		g = fresh = new_group(page);
		if (!g)
			return NULL;
		/* The file may have been written to since. */
		if (!r3_site_decode(page_address(g->original), new->end, nr, &again) ||
		    memcmp(new, &again, sizeof(again)))
			goto fail;
	}
	if (!add_site(g, new))
		goto fail;
	if (!new_version(g)) {
		/* The site stays for the next one. */
		goto fail;
	}
	if (!fresh || !xa_err(xa_store(&by_pfn, page_to_pfn(page), g, GFP_KERNEL)))
		return g;
fail:
	if (fresh)
		free_group(fresh);
	return NULL;
}

/* The file that the code comes from, and where in it, if it may be replaced. */
static struct file *rewritable(struct mm_struct *mm, unsigned long addr, u64 *off)
{
	struct vm_area_struct *vma;
	struct file *file = NULL;

	if (!mmap_read_trylock(mm))
		return NULL;
	vma = vma_lookup(mm, addr);
	if (vma && vma->vm_file && (vma->vm_flags & VM_EXEC) &&
	    !(vma->vm_flags & (VM_WRITE | VM_MAYSHARE))) {
		file = get_file(vma->vm_file);
		*off = addr - vma->vm_start + ((u64)vma->vm_pgoff << PAGE_SHIFT);
	}
	mmap_read_unlock(mm);
	return file;
}

/*
 * Unwinders know the code that calls rt_sigreturn by its bytes, unless they are
 * told. Then it may be replaced, as a whole: its address is what they look for.
 */
static bool unwinders_know(struct file *file, u64 off, const struct site *s)
{
	return s->kind == HEAD && r3_cfi_signal_frame(file, off - (s->end - s->start), s->end - s->start);
}

static bool has_site(struct page *page, const struct site *s)
{
	struct group *g;
	bool has;

	mutex_lock(&rewrite_mutex);
	g = xa_load(&by_pfn, page_to_pfn(page));
	has = g && overlaps(g, s);
	mutex_unlock(&rewrite_mutex);
	return has;
}

static void add(struct mm_struct *mm, unsigned long addr, long nr)
{
	struct site new = { };
	struct group *g = NULL;
	struct file *file;
	struct page *page;
	u64 off;

	file = rewritable(mm, addr, &off);
	if (!file)
		return;
	if (get_user_pages_fast(addr & PAGE_MASK, 1, 0, &page) != 1)
		goto out;
	if (PageAnon(page) || !folio_mapping(page_folio(page)) ||
	    !r3_site_decode(page_address(page), offset_in_page(addr), nr, &new))
		goto out_page;
	if (nr == __NR_rt_sigreturn && !has_site(page, &new) && !unwinders_know(file, off, &new))
		goto out_page;
	mutex_lock(&rewrite_mutex);
	sweep(false);
	g = group_with(page, &new, nr);
	mutex_unlock(&rewrite_mutex);
	if (g)
		r3_remap_code(mm, addr & PAGE_MASK, page_to_pfn(page));
out_page:
	put_page(page);
out:
	fput(file);
}

/**
 * r3_rewrite_syscall - a system call came by signal: should the next one?
 * @ip: behind the instruction
 * @nr: the number
 *
 * Called with interrupts on, for the current task.
 */
void r3_rewrite_syscall(unsigned long ip, long nr)
{
	struct mm_struct *mm = current->mm;
	struct r3_rewrite *w;
	unsigned int set, i;

	if (!r3_rewrite_possible(mm))
		return;
	w = get_rewrite(mm, GFP_KERNEL);
	if (!w)
		return;
	set = (ip ^ (ip >> 7)) % NR_SEEN / SEEN_WAYS * SEEN_WAYS;
	for (i = set; i < set + SEEN_WAYS && w->seen[i].ip != ip; i++)
		;
	if (i == set + SEEN_WAYS) {
		/* By chance, so that calls that take turns do not forget each other for ever. */
		i = set + (get_cycles() >> 4) % SEEN_WAYS;
		w->seen[i].ip = ip;
		w->seen[i].times = 0;
	}
	if (++w->seen[i].times == TIMES_SEEN)
		add(mm, ip, nr);
}
