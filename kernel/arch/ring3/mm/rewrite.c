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
#include <linux/slab.h>
#include <linux/xarray.h>
#include <linux/pagemap.h>
#include <linux/mutex.h>
#include <linux/moduleparam.h>
#include <linux/nospec.h>
#include <linux/sched/mm.h>
#include <asm/unistd.h>
#include <asm/ptrace.h>
#include <asm/rewrite.h>
#include <asm/space.h>
#include <asm/fpu.h>
#include <asm/host.h>

#define NR_GROUPS	384
#define NR_VERSIONS	16
#define GROUP_SITES	96
#define NR_SEEN		64
#define JUMP_SIZE	7
#define TIMES_SEEN	2

enum kind { HEAD, TAIL };

struct site {
	u16 group;
	u16 start;		/* of what is replaced, in the page */
	u16 end;		/* behind the syscall instruction */
	u8 kind;
	s32 value;		/* HEAD: the number, TAIL: what is compared */
};

/* A page of code with its sites. */
struct group {
	struct page *page;
	struct page *original;	/* its content when it was first copied */
	unsigned int id;
	unsigned int nr;
	unsigned int cur;	/* version for new mappings */
	bool stale;		/* the page has changed since */
	u16 site[GROUP_SITES];
	struct {
		struct page *page;
		atomic_t users;	/* address spaces */
	} ver[NR_VERSIONS];
};

/* rec: where the mm maps the group's page, and in the lower bits which version. */
struct r3_rewrite {
	unsigned long rec[NR_GROUPS];
	struct {
		unsigned long ip;
		unsigned long times;
	} seen[NR_SEEN];
};

static struct site sites[R3_MAX_SITES];
static DECLARE_BITMAP(site_used, R3_MAX_SITES);
static struct group *groups[NR_GROUPS];
static unsigned int groups_end;		/* no higher one was ever used */
static DEFINE_XARRAY(by_pfn);
static DEFINE_MUTEX(rewrite_mutex);
static void *site_table __ro_after_init;	/* NULL: no rewriting */
static u8 site_score[R3_MAX_SITES];	/* up when a call did not block */

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
		table[i ? R3_SLOT_DS1 + i - 1 : 0] = R3_STUB_SLOTS + i * R3_SLOT_STRIDE;
	site_table = table - (R3_SITE_SLOTS - R3_SITE_TABLE) / sizeof(*table);
	return 0;
}
early_initcall(r3_rewrite_init);

static bool possible(struct mm_struct *mm)
{
	return site_table && !mm->context.no_rewrite;
}

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
		     R3_SITE_TABLE_END - R3_SITE_TABLE, __pa(site_table));
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

	if (!possible(mm))
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
	for (i = 0; i < groups_end; i++) {
		if (w->rec[i])
			atomic_dec(&groups[i]->ver[w->rec[i] & ~PAGE_MASK].users);
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
	groups[g->id] = NULL;
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
		struct group *g = groups[i];

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
		if (unused(groups[i]))
			free_group(groups[i]);
		else
			groups[i]->stale = true;
	}
}

static struct group *new_group(struct page *page)
{
	struct group *g;
	unsigned int id;

	for (id = 0; id < NR_GROUPS && groups[id]; id++)
		;
	if (id == NR_GROUPS) {
		sweep(true);
		for (id = 0; id < NR_GROUPS && groups[id]; id++)
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
	groups[id] = g;
	groups_end = max(groups_end, id + 1);
	return g;
}

/*
 * Could the five bytes be the end of an instruction with a 32-bit immediate
 * and an 8-bit displacement of 0xb8, and no MOV?
 */
static bool ends_other(const u8 *mov)
{
	static const u8 imm32[] = { 0xc7, 0x81, 0x69, 0xf7 };
	unsigned int i;

	if ((mov[-1] & 0xf0) == 0x40)	/* REX: another register */
		return true;
	for (i = 0; i < sizeof(imm32); i++) {
		if (mov[-2] == imm32[i] && (mov[-1] & 0xc0) == 0x40)
			return true;
		if (mov[-3] == imm32[i] && (mov[-2] & 0xc7) == 0x44)
			return true;
	}
	return false;
}

/* What stands before end, in the page, where a system call nr was just made. */
static bool decode(const u8 *code, unsigned int end, long nr, struct site *s)
{
	if (end < 2 || code[end - 2] != 0x0f || code[end - 1] != 0x05)
		return false;
	s->end = end;
	if (end + 6 <= PAGE_SIZE && code[end] == 0x48 && code[end + 1] == 0x3d) {
		s->kind = TAIL;
		s->start = end - 2;
		memcpy(&s->value, code + end + 2, 4);
		return true;
	}
	if (end < 16)
		return false;
	s->kind = HEAD;
	memcpy(&s->value, code + end - 6, 4);
	if (s->value != nr)
		return false;
	if (code[end - 9] == 0x48 && code[end - 8] == 0xc7 && code[end - 7] == 0xc0) {
		s->start = end - 9;
		return true;
	}
	s->start = end - 7;
	return code[end - 7] == 0xb8 && !ends_other(code + end - 7);
}

static void patch(u8 *code, unsigned int index)
{
	struct site *s = &sites[index];
	u8 *p = code + s->start;
	u32 entry = R3_SITE_TABLE + index * 8;

	if (s->kind == HEAD) {
		/* Segment prefixes without a meaning here. */
		while (p + JUMP_SIZE < code + s->end)
			*p++ = 0x3e;
	}
	*p++ = 0xff;		/* jmp *entry */
	*p++ = 0x24;
	*p++ = s->kind == HEAD ? 0x25 : 0xe5;
	memcpy(p, &entry, 4);
}

static bool overlaps(struct group *g, const struct site *new)
{
	unsigned int i;

	for (i = 0; i < g->nr; i++) {
		struct site *s = &sites[g->site[i]];

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
	sites[index] = *new;
	__set_bit(index, site_used);
	for (i = g->nr; i && sites[g->site[i - 1]].start > new->start; i--)
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
		patch(page_address(copy), g->site[i]);
	if (g->ver[v].page)
		__free_page(g->ver[v].page);
	g->ver[v].page = copy;
	smp_store_release(&g->cur, v);
	return true;
}

/* With its first site, or one more. The mutex is held. */
static struct group *group_with(struct page *page, struct site *new)
{
	struct group *g = xa_load(&by_pfn, page_to_pfn(page)), *fresh = NULL;

	if (g && memcmp(page_address(g->original), page_address(page), PAGE_SIZE))
		g->stale = true;
	if (g && (g->stale || overlaps(g, new)))
		return g->stale ? NULL : g;
	if (!g) {
		g = fresh = new_group(page);
		if (!g)
			return NULL;
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

static bool rewritable(struct mm_struct *mm, unsigned long addr)
{
	struct vm_area_struct *vma;
	bool yes;

	if (!mmap_read_trylock(mm))
		return false;
	vma = vma_lookup(mm, addr);
	yes = vma && vma->vm_file && (vma->vm_flags & VM_EXEC) &&
	      !(vma->vm_flags & (VM_WRITE | VM_MAYSHARE));
	mmap_read_unlock(mm);
	return yes;
}

static void add(struct mm_struct *mm, unsigned long addr, long nr)
{
	struct site new = { };
	struct page *page;
	struct group *g;

	if (!rewritable(mm, addr) || get_user_pages_fast(addr & PAGE_MASK, 1, 0, &page) != 1)
		return;
	if (PageAnon(page) || !folio_mapping(page_folio(page)))
		goto out;
	mutex_lock(&rewrite_mutex);
	sweep(false);
	g = decode(page_address(page), offset_in_page(addr), nr, &new) ?
		group_with(page, &new) : NULL;
	mutex_unlock(&rewrite_mutex);
	if (g)
		r3_remap_code(mm, addr & PAGE_MASK, page_to_pfn(page));
out:
	put_page(page);
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
	unsigned int i;

	/* Unwinders know the code that calls rt_sigreturn by its bytes. */
	if (!possible(mm) || nr == __NR_rt_sigreturn)
		return;
	w = get_rewrite(mm, GFP_KERNEL);
	if (!w)
		return;
	i = (ip ^ (ip >> 7)) % NR_SEEN;
	if (w->seen[i].ip != ip) {
		w->seen[i].ip = ip;
		w->seen[i].times = 0;
	}
	if (++w->seen[i].times == TIMES_SEEN)
		add(mm, ip, nr);
}

/* As the compare would have it. */
static void compare(struct pt_regs *regs, long value)
{
	const unsigned long status = X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF |
				     X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF;
	unsigned long flags;

	asm("cmp %2, %1\n\tpushf\n\tpop %0" : "=r" (flags) : "r" (regs->ax), "r" (value) : "cc");
	regs->flags = (regs->flags & ~status) | (flags & status);
	regs->ip += 6;
}

/**
 * r3_rewrite_enter - registers of a system call that came through a trampoline
 * @regs: as the stub has saved them
 * @index: the site, as user code says
 *
 * Returns the site, or NULL if this mm has no such call.
 */
const struct site *r3_rewrite_enter(struct pt_regs *regs, u32 index)
{
	struct r3_rewrite *w = current->mm->context.rewrite;
	struct site *s = &sites[array_index_nospec(index % R3_MAX_SITES, R3_MAX_SITES)];
	unsigned long rec = w ? READ_ONCE(w->rec[s->group]) : 0;

	if (unlikely(!rec || !s->end))
		return NULL;
	regs->ip = (rec & PAGE_MASK) + s->end;
	regs->cx = regs->ip;
	regs->r11 = regs->flags;
	if (s->kind == HEAD)
		regs->ax = (long)s->value;
	return s;
}

#define SCORE_YIELD	4
#define SCORE_MAX	7

/*
 * On one host CPU, should the guest thread yield or sleep when it has handed
 * over a call of this site? If the vCPU will go on with something else, sleep.
 */
static void keep_score(unsigned int index, bool blocked)
{
	u8 *yield = site_table + (R3_SITE_YIELD - R3_SITE_TABLE) + index, now;

	if (blocked)
		site_score[index] = max(site_score[index], 3) - 3;
	else if (site_score[index] < SCORE_MAX)
		site_score[index]++;
	now = r3_boot->nr_cpus == 1 && site_score[index] >= SCORE_YIELD;
	if (*yield != now)
		*yield = now;
}

/* The system call is done; user code goes on behind the compare. */
void r3_rewrite_leave(struct pt_regs *regs, const struct site *s, bool blocked)
{
	keep_score(s - sites, blocked);
	if (s->kind == TAIL && offset_in_page(regs->ip) == s->end &&
	    likely(regs->ip == regs->cx)) {
		compare(regs, s->value);
		regs->cx = regs->ip;
	}
}

/* The site in whose middle user code is: at what was HEAD's system call, or
 * behind TAIL's. */
static struct site *site_at(struct mm_struct *mm, unsigned long ip)
{
	struct r3_rewrite *w = mm->context.rewrite;
	unsigned int i, j, off = offset_in_page(ip);

	for (i = 0; w && i < groups_end; i++) {
		if (!w->rec[i] || (w->rec[i] & PAGE_MASK) != (ip & PAGE_MASK))
			continue;
		for (j = 0; j < groups[i]->nr; j++) {
			struct site *s = &sites[groups[i]->site[j]];

			if (off == (s->kind == TAIL ? s->end : s->end - 2))
				return s;
		}
	}
	return NULL;
}

/**
 * r3_rewrite_trap - user code may be in the middle of what was replaced
 * @regs: its registers; changed if it is
 *
 * Returns 0 if this is not so, 1 if it can go on, 2 if it is at the system
 * call instruction, and ip is behind that.
 */
int r3_rewrite_trap(struct pt_regs *regs)
{
	struct site *s = site_at(current->mm, regs->ip);

	if (!s)
		return 0;
	if (s->kind == TAIL) {
		compare(regs, s->value);
		return 1;
	}
	regs->ip += 2;
	return 2;
}

/* A system call is done, and user code will be sent elsewhere first. */
void r3_rewrite_settle(struct pt_regs *regs)
{
	struct site *s = regs->cx == regs->ip ? site_at(current->mm, regs->ip) : NULL;

	if (s && s->kind == TAIL)
		compare(regs, s->value);
}

/* Is the fault at addr, in the site table, one of a rewritten system call? */
bool r3_rewrite_wants_table(struct pt_regs *regs, unsigned long addr)
{
	struct mm_struct *mm = current->mm;
	struct r3_rewrite *w = mm->context.rewrite;
	unsigned int i;

	if (addr < R3_SITE_TABLE || addr >= R3_SITE_TABLE_END || !w || !possible(mm))
		return false;
	if (regs->ip >= R3_STUB_TRAMP && regs->ip < R3_STUB_POSTED)
		return true;
	for (i = 0; i < groups_end; i++) {
		if (w->rec[i] && (w->rec[i] & PAGE_MASK) == (regs->ip & PAGE_MASK))
			return true;
	}
	return false;
}
