// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeps a space's host mappings a cache of its page tables.
 *
 * Mapping (after a fault) brings in what the tables hold around the address;
 * flushing takes away what the tables no longer allow. Both read the tables
 * under the space's lock and commands are done in order, so a mapping that was
 * queued before a flush is undone by it, and one queued after has seen the
 * tables as the flush left them.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/pgtable.h>
#include <linux/mman.h>
#include <uapi/asm-generic/mman-common.h>
#include <asm/tlbflush.h>
#include <asm/space.h>
#include <asm/host.h>
#include "copies.h"

/* The commands that one fault may cost. */
#define AROUND_RUNS	12

/*
 * The entry for addr, and in *size how much it maps: a page, or PMD_SIZE for a
 * leaf there. NULL if a level is missing. *next is where the table, the leaf or
 * the missing level ends. Interrupts are off: that keeps tables from being freed.
 */
static pte_t *entry_of(struct mm_struct *mm, unsigned long addr, unsigned long *next,
		       unsigned long *size)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d = p4d_offset(pgd, addr);
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;

	*next = (addr + PGDIR_SIZE) & PGDIR_MASK;
	if (p4d_none(READ_ONCE(*p4d)))
		return NULL;
	*next = (addr + PUD_SIZE) & PUD_MASK;
	pudp = pud_offset(p4d, addr);
	pud = READ_ONCE(*pudp);
	if (pud_none(pud))
		return NULL;
	*next = (addr + PMD_SIZE) & PMD_MASK;
	pmdp = pmd_offset(&pud, addr);
	pmd = READ_ONCE(*pmdp);
	if (!pmd_present(pmd))
		return NULL;
	if (pmd_leaf(pmd)) {
		*size = PMD_SIZE;
		return (pte_t *)pmdp;
	}
	*size = PAGE_SIZE;
	return (pte_t *)pmd_page_vaddr(pmd) + pte_index(addr);
}

/* The pmd for addr, or NULL. The caller keeps the tables from being freed. */
pmd_t *r3_pmd_of(struct mm_struct *mm, unsigned long addr)
{
	p4d_t *p4d = p4d_offset(pgd_offset(mm, addr), addr);
	pud_t *pud;

	if (p4d_none(READ_ONCE(*p4d)))
		return NULL;
	pud = pud_offset(p4d, addr);
	return pud_none(READ_ONCE(*pud)) ? NULL : pmd_offset(pud, addr);
}

/* What the tables say of addr just now; *size is how much that is for, if present. */
static pte_t peek(struct mm_struct *mm, unsigned long addr, unsigned long *size)
{
	unsigned long next, flags;
	pte_t *ptep, pte;

	local_irq_save(flags);
	ptep = entry_of(mm, addr, &next, size);
	pte = ptep ? READ_ONCE(*ptep) : __pte(0);
	local_irq_restore(flags);
	return pte;
}

bool r3_pte_none(struct mm_struct *mm, unsigned long addr)
{
	unsigned long size;

	return pte_none(peek(mm, addr, &size));
}

/* Is there a page that may only be read, for now? */
bool r3_write_copies(struct mm_struct *mm, unsigned long addr)
{
	unsigned long size;
	pte_t pte = peek(mm, addr, &size);

	return (pte_val(pte) & (_PAGE_PRESENT | _PAGE_RW)) == _PAGE_PRESENT && size == PAGE_SIZE;
}

/* Is there a page of its own, which may be written? */
bool r3_anon_writable(struct mm_struct *mm, unsigned long addr)
{
	unsigned long size;
	pte_t pte = peek(mm, addr, &size);

	return (pte_val(pte) & (_PAGE_PRESENT | _PAGE_RW)) == (_PAGE_PRESENT | _PAGE_RW) &&
	       size == PAGE_SIZE && PageAnon(pte_page(pte));
}

/* What an access could do now, as PROT_*; 0 for nothing. */
static int permitted(pte_t pte)
{
	unsigned long v = pte_val(pte);

	if (!(v & _PAGE_PRESENT) || !(v & _PAGE_USER))
		return 0;
	return PROT_READ | (v & _PAGE_RW ? PROT_WRITE : 0) | (v & _PAGE_NX ? 0 : PROT_EXEC);
}

/*
 * What the space may have mapped: as a TLB would, nothing that has not been
 * accessed, and nothing writable that has not been written.
 */
static int allowed(pte_t pte)
{
	int prot = permitted(pte);

	if (!(pte_val(pte) & _PAGE_ACCESSED))
		return 0;
	return pte_val(pte) & _PAGE_DIRTY ? prot : prot & ~PROT_WRITE;
}

/* What the space has mapped, as far as the entry knows. */
static int mapped(pte_t pte)
{
	unsigned long v = pte_val(pte);

	if (!(v & _PAGE_PRESENT) || !(v & R3_MAPPED))
		return 0;
	return PROT_READ | (v & R3_MAPPED_W ? PROT_WRITE : 0) | (v & R3_MAPPED_X ? PROT_EXEC : 0);
}

static unsigned long mapped_bits(int prot)
{
	return R3_MAPPED | (prot & PROT_WRITE ? R3_MAPPED_W : 0) |
	       (prot & PROT_EXEC ? R3_MAPPED_X : 0);
}

static bool mark(pte_t *ptep, pte_t old, int prot)
{
	return cmpxchg(&ptep->pte, pte_val(old),
		       (pte_val(old) & ~R3_MAPPED_ALL) | mapped_bits(prot)) == pte_val(old);
}

/* Accessed, and written if it is to be writable, as the CPU would note it. */
static pte_t touched(pte_t pte, bool write)
{
	return pte_set(pte, _PAGE_ACCESSED | (write ? _PAGE_DIRTY : 0));
}

/* Notes the access and what will be mapped, in one step. Returns PROT_*, or 0
 * if the entry has changed meanwhile. */
static int touch_and_mark(pte_t *ptep, pte_t old, bool write)
{
	int prot = allowed(touched(old, write));
	unsigned long new = (pte_val(touched(old, write)) & ~R3_MAPPED_ALL) | mapped_bits(prot);

	return cmpxchg(&ptep->pte, pte_val(old), new) == pte_val(old) ? prot : 0;
}

static void unmark(pte_t *ptep)
{
	pte_t pte = READ_ONCE(*ptep);

	while (pte_val(pte) & _PAGE_PRESENT && pte_val(pte) & R3_MAPPED_ALL) {
		unsigned long old = cmpxchg(&ptep->pte, pte_val(pte),
					    pte_val(pte) & ~R3_MAPPED_ALL);

		if (old == pte_val(pte))
			return;
		pte = __pte(old);
	}
}

/* A run of equal work on adjacent addresses, turned into one command. */
struct run {
	struct r3_space *space;
	u32 op;
	int prot;
	unsigned long start, end;
	unsigned long pfn;
	unsigned int emitted;
	unsigned long stale_lo, stale_hi;
};

static void run_emit(struct run *run)
{
	u32 arg = run->prot;

	if (run->op == R3_OP_NOP)
		return;
	/*
	 * What can be written has been, and mostly all of it will be. Of the rest
	 * the host maps what surrounds a touch, which is less work than all.
	 */
	if (run->op == R3_OP_MAP && (run->prot & PROT_WRITE))
		arg |= R3_MAP_POPULATE;
	r3_space_cmd(run->space, run->op, arg, run->start, run->end - run->start,
		     run->pfn << PAGE_SHIFT);
	if (run->op == R3_OP_MAP) {
		run->space->nr_maps++;
		run->space->lo = min(run->space->lo, run->start);
		run->space->hi = max(run->space->hi, run->end);
	}
	/* Taking away or protecting a part may split what is there. */
	if (run->op != R3_OP_MAP)
		run->space->nr_maps += 2;
	run->emitted++;
	run->op = R3_OP_NOP;
}

static void run_add(struct run *run, u32 op, int prot, unsigned long addr, unsigned long end,
		    unsigned long pfn)
{
	if (run->op == op && run->prot == prot && run->end == addr &&
	    (op != R3_OP_MAP || pfn == run->pfn + ((addr - run->start) >> PAGE_SHIFT))) {
		run->end = end;
		return;
	}
	run_emit(run);
	run->op = op;
	run->prot = prot;
	run->start = addr;
	run->end = end;
	run->pfn = pfn;
}

/* Unmaps what may be mapped though no entry says so. */
static void add_hole(struct run *run, unsigned long addr, unsigned long end)
{
	addr = max(addr, run->stale_lo);
	end = min(end, run->stale_hi);
	if (addr < end)
		run_add(run, R3_OP_UNMAP, 0, addr, end, 0);
}

/* Entries that map size bytes each, from the one for addr on. */
static void flush_entries(struct run *run, struct mm_struct *mm, pte_t *ptep, unsigned long addr,
			  unsigned long end, unsigned long size)
{
	for (addr &= ~(size - 1); addr < end; addr += size, ptep++) {
		pte_t pte = READ_ONCE(*ptep);
		int has = mapped(pte), may = allowed(pte);

		if (has && !(has & ~may)) {
			run_emit(run);
		} else if (has && may && !r3_forked_expects(mm, addr) &&
			   mark(ptep, pte, has & may)) {
			run_add(run, R3_OP_PROTECT, has & may, addr, addr + size, 0);
		} else if (has) {
			unmark(ptep);
			run_add(run, R3_OP_UNMAP, 0, addr, addr + size, 0);
		} else {
			add_hole(run, addr, addr + size);
		}
	}
}

/* Drops all mappings and says so in the tables. The lock is held. */
static void drop_all(struct r3_space *space, struct mm_struct *mm)
{
	unsigned long addr, next, size, end = space->hi;

	for (addr = space->lo; addr < end; addr = next) {
		pte_t *ptep = entry_of(mm, addr, &next, &size);

		next = min(next, end);
		for (; ptep && addr < next; addr += size, ptep++)
			unmark(ptep);
	}
	r3_space_drop(space);
}

/*
 * Where entries went that had been mapped. If the flush covers all of it, the
 * note is taken: who cleared them waits for the lock until this flush is done.
 */
static void take_stale(struct run *run, struct mm_struct *mm, unsigned long start,
		       unsigned long end)
{
	u64 s = READ_ONCE(mm->context.stale);

	do {
		run->stale_lo = r3_stale_first(s) << PAGE_SHIFT;
		run->stale_hi = s ? r3_stale_end(s) << PAGE_SHIFT : 0;
		if (!s || start > run->stale_lo || end < run->stale_hi)
			return;
	} while (!try_cmpxchg(&mm->context.stale, &s, 0));
}

static bool stale_met(const struct run *run, unsigned long start, unsigned long end)
{
	return max(start, run->stale_lo) < min(end, run->stale_hi);
}

/**
 * r3_space_flush - make a change of page tables take effect on user code
 * @mm: the address space
 * @start: first address
 * @end: address after the last
 *
 * When it returns, nothing in the range is accessible in the space that the
 * tables do not allow, even for a thread that the kernel takes for stopped.
 */
void r3_space_flush(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct r3_space *space;
	struct run run = { .op = R3_OP_NOP };
	unsigned long addr, first, next, size, flags;

	r3_uaccess_flush();
	space = r3_space_lock(mm, &flags);
	if (!space)
		return;
	run.space = space;
	take_stale(&run, mm, start, end);
	addr = first = max(start, space->lo);
	end = min(end, space->hi);
	if (addr >= end || space->dead)
		goto out;

	for (; addr < end; addr = next) {
		pte_t *ptep = entry_of(mm, addr, &next, &size);

		next = min(next, end);
		if (ptep)
			flush_entries(&run, mm, ptep, addr, next, size);
		else
			add_hole(&run, addr, next);
	}
	run_emit(&run);
	/*
	 * Where an entry was replaced and mapped anew meanwhile there is
	 * nothing to unmap, but the old page is there until that is done,
	 * and for good if it was refused.
	 *
	 * The host may refuse to split a mapping, but not to drop them all.
	 */
	if (r3_mutation(R3_MUTATION_ACK) && atomic_read(&mm->mm_users) > 1)
		r3_space_ring(space);
	else if ((run.emitted || (stale_met(&run, first, end) &&
				  (space->head != space->acked || space->failed))) &&
		 r3_space_sync(space) == -ENOMEM)
		drop_all(space, mm);
out:
	spin_unlock_irqrestore(&space->lock, flags);
}

/* An entry for code from a file, which nobody can write through it. */
static bool is_code(pte_t pte)
{
	return (pte_val(pte) & (_PAGE_PRESENT | _PAGE_RW | _PAGE_PSE | R3_PTE_CODE)) ==
	       (_PAGE_PRESENT | R3_PTE_CODE);
}

/* The page to map for an entry: code may have its system calls rewritten. */
static unsigned long pfn_for(struct r3_space *space, struct mm_struct *mm, unsigned long addr,
			     pte_t pte, int prot)
{
	if (likely(prot != (PROT_READ | PROT_EXEC)) || !is_code(pte))
		return pte_pfn(pte);
	return r3_rewrite_pfn(space, mm, addr, pte_pfn(pte));
}

static int map_one(struct mm_struct *mm, pte_t *ptep, unsigned long addr, unsigned long size,
		   bool write)
{
	struct r3_space *space = mm->context.space;
	struct run run = { .space = space, .op = R3_OP_NOP };
	pte_t pte = READ_ONCE(*ptep);
	int prot = permitted(pte) ? touch_and_mark(ptep, pte, write) : 0;

	if (!prot)
		return 0;
	run_add(&run, R3_OP_MAP, prot, addr, addr + size, pfn_for(space, mm, addr, pte, prot));
	run_emit(&run);
	return r3_space_sync(space);
}

/* Anonymous, and not writable: since a fork, most likely, and until it is written. */
static bool copied_on_write(pte_t pte)
{
	return (pte_val(pte) & (_PAGE_PRESENT | _PAGE_RW)) == _PAGE_PRESENT &&
	       PageAnon(pte_page(pte));
}

/* Where the run of pages begins that are adjacent in memory, too. */
static unsigned long run_start(const pte_t *ptep, unsigned long addr, unsigned long start)
{
	unsigned long pfn = pte_pfn(READ_ONCE(*ptep));

	for (; addr > start; addr -= PAGE_SIZE) {
		pte_t pte = READ_ONCE(*--ptep);

		if (!(pte_val(pte) & _PAGE_PRESENT) || pte_pfn(pte) != --pfn)
			break;
	}
	return addr;
}

/* The page and those neighbours that are there and not yet mapped; @alone: of its run only. */
static void map_neighbours(struct mm_struct *mm, pte_t *ptep, unsigned long fault, bool write,
			   bool alone)
{
	struct r3_space *space = mm->context.space;
	struct run run = { .space = space, .op = R3_OP_NOP };
	unsigned long addr = fault & ~(R3_AROUND_SIZE - 1), end = addr + R3_AROUND_SIZE;
	unsigned long cow = 0;

	/* Of what is copied when it is written, those that follow the page's own. */
	if (copied_on_write(READ_ONCE(*ptep)))
		cow = pte_pfn(READ_ONCE(*ptep)) - (fault >> PAGE_SHIFT);
	if (alone)
		addr = run_start(ptep, fault, addr);
	ptep -= (fault - addr) >> PAGE_SHIFT;
	for (; addr < end; addr += PAGE_SIZE, ptep++) {
		pte_t pte = READ_ONCE(*ptep);
		bool dirty = addr == fault && write;
		int prot = permitted(pte) ? allowed(touched(pte, dirty)) : 0;

		if (!prot)
			continue;
		if (addr != fault && (!(prot & ~mapped(pte)) || run.emitted >= (alone ? 1 : AROUND_RUNS)))
			continue;
		/* They would have to be unmapped again, and that be waited for. */
		if (copied_on_write(pte) && pte_pfn(pte) != cow + (addr >> PAGE_SHIFT))
			continue;
		if (touch_and_mark(ptep, pte, dirty))
			run_add(&run, R3_OP_MAP, prot, addr, addr + PAGE_SIZE,
				pfn_for(space, mm, addr, pte, prot));
	}
	run_emit(&run);
}

/* Has the space what an access needs, as far as the tables know? */
bool r3_has_mapped(struct mm_struct *mm, unsigned long addr, int want)
{
	unsigned long size;

	return !(want & ~mapped(peek(mm, addr, &size)));
}

static int map_at(struct mm_struct *mm, unsigned long addr, bool write, bool exec, bool alone)
{
	int want = PROT_READ | (write ? PROT_WRITE : 0) | (exec ? PROT_EXEC : 0);
	struct r3_space *space = mm->context.space;
	unsigned long next, size, flags;
	pte_t *ptep, pte;
	int ret = -EAGAIN;

	if (!space || addr >= TASK_SIZE)
		return -EAGAIN;
	addr &= PAGE_MASK;
	spin_lock_irqsave(&space->lock, flags);
	ptep = entry_of(mm, addr, &next, &size);
	if (!ptep)
		goto out;
	addr &= ~(size - 1);
	pte = READ_ONCE(*ptep);
	if (want & ~permitted(pte))
		goto out;
	ret = 0;
	if (r3_space_full(space))
		drop_all(space, mm);
	if ((want & ~mapped(pte)) && size == PAGE_SIZE) {
		map_neighbours(mm, ptep, addr, write, alone);
		goto out;
	}
	/*
	 * It should be there. Another thread's fault may have brought it in
	 * meanwhile, or the host refused the mapping: find out.
	 */
	ret = map_one(mm, ptep, addr, size, write);
	if (ret == -ENOMEM) {
		drop_all(space, mm);
		ret = map_one(mm, ptep, addr, size, write);
	}
out:
	spin_unlock_irqrestore(&space->lock, flags);
	return ret;
}

int r3_map_around(struct mm_struct *mm, unsigned long addr, bool write, bool exec)
{
	return map_at(mm, addr, write, exec, false);
}

int r3_map_run(struct mm_struct *mm, unsigned long addr, bool write, bool exec)
{
	return map_at(mm, addr, write, exec, true);
}

/* Does the mm map this page there, as code that may be rewritten? */
bool r3_maps_code(struct mm_struct *mm, unsigned long addr, unsigned long pfn)
{
	unsigned long size;
	pte_t pte = peek(mm, addr, &size);

	return is_code(pte) && pte_pfn(pte) == pfn;
}

/* Has the program there just now what the site's jump stands for? */
enum r3_site_state r3_site_state(struct mm_struct *mm, const struct r3_site *s)
{
	struct r3_site now = { .end = s->end };
	unsigned long size;
	pte_t pte = peek(mm, site_page(s), &size);

	if (!(pte_val(pte) & _PAGE_PRESENT))
		return R3_SITE_AWAY;
	if (is_code(pte) &&
	    r3_site_decode(page_address(pte_page(pte)), offset_in_page(s->end - 1) + 1, s->value, &now) &&
	    now.kind == s->kind && now.value == s->value)
		return R3_SITE_THERE;
	/* What was read may have been another's by then. */
	return pte_val(peek(mm, site_page(s), &size)) == pte_val(pte) ? R3_SITE_OTHER : R3_SITE_AWAY;
}

/*
 * Puts the snapshots that nobody can execute any more. What was queued by then
 * is done, and nothing of it was refused.
 */
static void put_retired(struct mm_struct *mm, struct r3_space *space)
{
	unsigned int i;

	for (i = 0; i < R3_RETIRED && !space->failed; i++) {
		struct r3_retired *old = &mm->context.retired[i];

		if (!old->snapshot || (s32)(space->acked - old->head) < 0)
			continue;
		r3_rewrite_put(old->snapshot);
		old->snapshot = NULL;
	}
}

/* A place for one more; where there is none, all are waited for. The lock is held. */
static struct r3_retired *retired_place(struct mm_struct *mm, struct r3_space *space)
{
	unsigned int i, tries;

	for (tries = 0; tries < 2; tries++) {
		put_retired(mm, space);
		for (i = 0; i < R3_RETIRED; i++) {
			if (!mm->context.retired[i].snapshot)
				return &mm->context.retired[i];
		}
		if (r3_space_sync(space) == -ENOMEM)
			drop_all(space, mm);
	}
	return NULL;
}

/**
 * r3_rewrite_publish - make a snapshot the mm's
 * @mm: whose
 * @base: what the new one was made from, or NULL
 * @next: the new one; its reference becomes the mm's
 * @addr: of the page that has a new copy
 * @pfn: of its original
 *
 * A copy of base's may be mapped at addr and nowhere else. What is queued here
 * takes its place, and until that is acknowledged base stays.
 *
 * Returns false, and has done nothing, if the mm has another one by now, or
 * the page is not there any more.
 */
bool r3_rewrite_publish(struct mm_struct *mm, struct r3_rewrite *base, struct r3_rewrite *next,
			unsigned long addr, unsigned long pfn)
{
	bool copied = r3_rewrite_copied(base, addr), done = false;
	unsigned long end, size, flags;
	struct r3_space *space = r3_space_lock(mm, &flags);
	struct r3_retired *old = NULL;
	pte_t *ptep, pte;

	if (!space)
		return false;
	if (copied)
		old = retired_place(mm, space);
	if (rcu_access_pointer(mm->context.rewrite) != base || !r3_rewrite_possible(mm) ||
	    space->dead || (copied && !old))
		goto out;
	ptep = entry_of(mm, addr, &end, &size);
	pte = ptep ? READ_ONCE(*ptep) : __pte(0);
	if (!is_code(pte) || pte_pfn(pte) != pfn)
		goto out;
	rcu_assign_pointer(mm->context.rewrite, next);
	done = true;
	space->nr_maps += 2;
	if (mapped(pte) == (PROT_READ | PROT_EXEC)) {
		r3_space_cmd(space, R3_OP_MAP, PROT_READ | PROT_EXEC, addr, PAGE_SIZE,
			     pfn_for(space, mm, addr, pte, PROT_READ | PROT_EXEC) << PAGE_SHIFT);
	} else if (copied) {
		unmark(ptep);
		r3_space_cmd(space, R3_OP_UNMAP, 0, addr, PAGE_SIZE, 0);
	}
	if (r3_mutation(R3_MUTATION_RELEASE) || !copied) {
		r3_rewrite_put(base);
	} else {
		old->snapshot = base;
		old->head = space->head;
	}
out:
	spin_unlock_irqrestore(&space->lock, flags);
	return done;
}

void r3_map_table(struct mm_struct *mm)
{
	struct r3_space *space = mm->context.space;
	unsigned long flags;

	spin_lock_irqsave(&space->lock, flags);
	if (!r3_rewrite_possible(mm)) {
		spin_unlock_irqrestore(&space->lock, flags);
		return;
	}
	/* It may be there and the mapping be refused: then this fails again, and
	 * at last drops all. */
	space->site_table = false;
	r3_rewrite_table(space);
	if (r3_space_sync(space) == -ENOMEM)
		drop_all(space, mm);
	spin_unlock_irqrestore(&space->lock, flags);
}

void r3_rewrite_off(struct mm_struct *mm)
{
	struct r3_space *space = READ_ONCE(mm->context.space);
	unsigned long flags;

	if (mm->context.no_rewrite)
		return;
	if (!space) {
		mm->context.no_rewrite = true;
		return;
	}
	spin_lock_irqsave(&space->lock, flags);
	WRITE_ONCE(mm->context.no_rewrite, true);
	if (rcu_access_pointer(mm->context.rewrite) && space->hi && !space->dead)
		drop_all(space, mm);
	spin_unlock_irqrestore(&space->lock, flags);
}

int r3_mmap_check(unsigned long addr, unsigned long len)
{
	if (addr < R3_SITE_TABLE_END && addr + len > R3_SITE_TABLE && current->mm)
		r3_rewrite_off(current->mm);
	return 0;
}
