// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a process touches right after a fork, and what its children do.
 *
 * A fork leaves all private pages of both sides to be copied when they are
 * written, which is a fault each, and on the parent's side an unmapping that has
 * to be waited for; and nothing is mapped in the child's space. But a program
 * that forks again and again touches the same few pages each time: its stack, the
 * C library's data, the code behind fork(). So the first faults are noted, and
 * the next time dealt with before user code runs, all at once.
 *
 * The notes are hints: a page too many costs its copy. Now and then one is
 * forgotten on purpose, and comes back only if it is still right.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/refcount.h>
#include <asm/mmu_context.h>
#include <asm/space.h>

#define PAGES		8
#define FORGET_EVERY	4	/* uses */

/* Written without a lock: who loses a note has a fault more. */
struct touched {
	unsigned long page[PAGES];	/* with R3_FORKED_*; 0: none */
	unsigned int next;		/* to be overwritten */
	unsigned int used;		/* times */
};

/* Of a process that has forked. Its children's address spaces refer to it, too. */
struct r3_forked {
	refcount_t users;
	struct touched parent, child;
};

/* The list for this mm as it is now, or NULL. */
static struct touched *list_of(struct mm_struct *mm)
{
	if (mm->context.forked)
		return &mm->context.forked->parent;
	return mm->context.child_of ? &mm->context.child_of->child : NULL;
}

static bool noted(const struct touched *w, unsigned long page)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		if (READ_ONCE(w->page[i]) == page)
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
	unsigned long page = (addr & PAGE_MASK) | how;
	struct touched *w;
	unsigned int i;

	if (likely(!READ_ONCE(mm->context.noting)))
		return;
	w = list_of(mm);
	if (!w || noted(w, page))
		return;
	WRITE_ONCE(mm->context.noting, READ_ONCE(mm->context.noting) - 1);
	for (i = 0; i < PAGES; i++) {
		/* It was read first, and is written soon after. */
		if ((READ_ONCE(w->page[i]) & PAGE_MASK) == (addr & PAGE_MASK) && (how & R3_FORKED_WRITE)) {
			WRITE_ONCE(w->page[i], page);
			return;
		}
	}
	WRITE_ONCE(w->page[READ_ONCE(w->next) % PAGES], page);
	WRITE_ONCE(w->next, READ_ONCE(w->next) + 1);
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

	BUILD_BUG_ON(PAGES != R3_FORKED_PAGES);
	if (!w)
		return 0;
	used = READ_ONCE(w->used) + 1;
	WRITE_ONCE(w->used, used);
	if (used % FORGET_EVERY == 0) {
		i = used / FORGET_EVERY % PAGES;
		WRITE_ONCE(w->page[i], 0);
		WRITE_ONCE(w->next, i);
	}
	for (i = 0; i < PAGES; i++) {
		unsigned long page = READ_ONCE(w->page[i]);

		if (page)
			pages[n++] = page;
	}
	return n;
}

/* The old mm is locked for writing, the new one nobody knows. */
void r3_forked(struct mm_struct *oldmm, struct mm_struct *mm)
{
	struct r3_forked *f = oldmm->context.forked;

	if (!f) {
		f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!f)
			return;
		refcount_set(&f->users, 1);
		oldmm->context.forked = f;
	}
	refcount_inc(&f->users);
	mm->context.child_of = f;
	mm->context.noting = PAGES;
	WRITE_ONCE(oldmm->context.noting, PAGES);
}

static void put(struct r3_forked *f)
{
	if (f && refcount_dec_and_test(&f->users))
		kfree(f);
}

void r3_forked_free(struct mm_struct *mm)
{
	put(mm->context.forked);
	put(mm->context.child_of);
	mm->context.forked = NULL;
	mm->context.child_of = NULL;
}
