// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process touches right after a fork, and what its children do.
 *
 * A fork leaves all private pages of both sides to be copied when they are
 * written, which is a fault each, and on the parent's side an unmapping that has
 * to be waited for; and nothing is mapped in the child's space. But a program
 * that forks again and again touches the same pages each time: its stack, the C
 * library's data, its heap, the code behind fork(). So the first faults are noted,
 * and the next time dealt with before user code runs, all at once.
 *
 * The notes are hints: a page too many costs its copy. Now and then one is
 * forgotten on purpose, and comes back only if it is still right.
 *
 * Without it, in bash: a fork takes 2.4 times as long, $(...) 2.2, a pipe 2.1, /bin/true 1.5 (docs/benchmarks.md).
 */
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/refcount.h>
#include <asm/mmu_context.h>
#include <asm/space.h>

/* Notes of a page are in one set, which its address gives. */
#define WAYS		4
#define SETS		(R3_FORKED_PAGES / WAYS)
#define FORGET_EVERY	2	/* uses */

/* Written without a lock: who loses a note has a fault more. */
struct touched {
	unsigned long page[R3_FORKED_PAGES];	/* with R3_FORKED_*; 0: none */
	unsigned int next;			/* which of a full set is overwritten */
	unsigned int used;			/* times */
};

/* Of a process that has forked. Its children's address spaces refer to it, too. */
struct r3_forked {
	refcount_t users;
	struct touched parent, child;
	struct page *pinned[R3_FORKED_PAGES];	/* while the parent forks */
	unsigned int nr_pinned;
};


/* The list for this mm as it is now, or NULL. */
static struct touched *list_of(struct mm_struct *mm)
{
	if (mm->context.forked)
		return &mm->context.forked->parent;
	return mm->context.child_of ? &mm->context.child_of->child : NULL;
}

static unsigned long *set_of(struct touched *w, unsigned long page)
{
	return w->page + hash_long(page >> PAGE_SHIFT, ilog2(SETS)) * WAYS;
}

static bool noted(struct touched *w, unsigned long page)
{
	unsigned long *set = set_of(w, page);
	unsigned int i;

	for (i = 0; i < WAYS; i++) {
		if (READ_ONCE(set[i]) == page)
			return true;
	}
	return false;
}

/**
 * r3_forked_note - a fault that had to be resolved
 * @mm: in which
 * @addr: where
 * @how: R3_FORKED_*
 */
void r3_forked_note(struct mm_struct *mm, unsigned long addr, unsigned long how)
{
	unsigned long page = (addr & PAGE_MASK) | how, *set;
	unsigned int i, place = WAYS;
	struct touched *w;

	if (likely(!READ_ONCE(mm->context.noting)))
		return;
	w = list_of(mm);
	if (!w || noted(w, page))
		return;
	WRITE_ONCE(mm->context.noting, READ_ONCE(mm->context.noting) - 1);
	set = set_of(w, page);
	for (i = 0; i < WAYS; i++) {
		unsigned long old = READ_ONCE(set[i]);

		/* It was read first, and is written soon after. */
		if ((old & PAGE_MASK) == (addr & PAGE_MASK) && (how & R3_FORKED_WRITE)) {
			place = i;
			break;
		}
		if (!old)
			place = i;
	}
	if (place == WAYS) {
		place = READ_ONCE(w->next) % WAYS;
		WRITE_ONCE(w->next, place + 1);
	}
	WRITE_ONCE(set[place], page);
}

/* Will the page most likely be copied as soon as user code runs? */
bool r3_forked_expects(struct mm_struct *mm, unsigned long addr)
{
	return mm->context.forked &&
	       noted(&mm->context.forked->parent, (addr & PAGE_MASK) | R3_FORKED_WRITE);
}

/**
 * r3_forked_pages - what is to be there before user code runs
 * @mm: forked, or from a fork
 * @pages: of R3_FORKED_PAGES entries, is filled with addresses and R3_FORKED_*
 *
 * Returns how many there are.
 */
unsigned int r3_forked_pages(struct mm_struct *mm, unsigned long *pages)
{
	struct touched *w = list_of(mm);
	unsigned int i, used, n = 0;

	if (!w)
		return 0;
	used = READ_ONCE(w->used) + 1;
	WRITE_ONCE(w->used, used);
	if (used % FORGET_EVERY == 0)
		WRITE_ONCE(w->page[used / FORGET_EVERY % R3_FORKED_PAGES], 0);
	for (i = 0; i < R3_FORKED_PAGES; i++) {
		unsigned long page = READ_ONCE(w->page[i]);

		if (page)
			pages[n++] = page;
	}
	return n;
}

/* Pages that are copied as they stand, not when they are written: as it is with pinned ones. */
static void pin(struct r3_forked *f, struct mm_struct *mm)
{
	unsigned int i;

	for (i = 0; i < R3_FORKED_PAGES; i++) {
		unsigned long page = READ_ONCE(f->parent.page[i]), addr = page & PAGE_MASK;

		if (!(page & R3_FORKED_WRITE) || !r3_anon_writable(mm, addr))
			continue;
		if (pin_user_pages_fast(addr, 1, FOLL_WRITE, &f->pinned[f->nr_pinned]) == 1)
			f->nr_pinned++;
	}
}

static void unpin(struct r3_forked *f)
{
	unpin_user_pages(f->pinned, f->nr_pinned);
	f->nr_pinned = 0;
}

/**
 * r3_fork_begin - an address space is about to be copied
 * @oldmm: current's
 * @mm: the copy
 *
 * What the parent wrote after its last forks it will write after this one. The child gets copies
 * at once, and the parent keeps its pages: it would have to be stopped from writing, fault,
 * and have the copies mapped in their place. Other threads of the parent might write meanwhile,
 * and a child sees either all or nothing of that: there pages are protected first.
 */
void r3_fork_begin(struct mm_struct *oldmm, struct mm_struct *mm)
{
	struct r3_forked *f = oldmm->context.forked;

	if (!f) {
		f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!f)
			return;
		refcount_set(&f->users, 1);
		if (cmpxchg(&oldmm->context.forked, NULL, f)) {
			kfree(f);
			f = oldmm->context.forked;
		}
	}
	refcount_inc(&f->users);
	mm->context.child_of = f;
	if (atomic_read(&oldmm->mm_users) == 1) {
		mm->context.pins = true;
		pin(f, oldmm);
	}
}

static void fork_end(struct mm_struct *mm)
{
	if (mm->context.pins)
		unpin(mm->context.child_of);
	mm->context.pins = false;
}

/* The old mm is locked for writing, the new one nobody knows. */
void r3_forked(struct mm_struct *oldmm, struct mm_struct *mm)
{
	fork_end(mm);
	if (!mm->context.child_of)
		return;
	mm->context.noting = R3_FORKED_PAGES;
	WRITE_ONCE(oldmm->context.noting, R3_FORKED_PAGES);
}

static void put(struct r3_forked *f)
{
	if (f && refcount_dec_and_test(&f->users))
		kfree(f);
}

void r3_forked_free(struct mm_struct *mm)
{
	fork_end(mm);
	put(mm->context.forked);
	put(mm->context.child_of);
	mm->context.forked = NULL;
	mm->context.child_of = NULL;
}
