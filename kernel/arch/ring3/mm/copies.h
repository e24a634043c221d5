/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the parts of rewriting. From the lowest: boundary.c (what code looks
 * like), cfi.c (what a file says of its code), copies.c (copies of code and who
 * has them), then above map.c: rewrite.c (when a call is rewritten) and sites.c
 * (what user code is told when it meets one).
 */
#ifndef _RING3_MM_COPIES_H
#define _RING3_MM_COPIES_H

#include <linux/mm.h>
#include <linux/refcount.h>
#include <asm/rewrite.h>
#include <asm/space.h>
#include <asm/host.h>

/* Who does without is slower, no more. */
#define R3_OPTIONAL	(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

#define MAX_PAGES	128	/* with rewritten calls, of one address space */
#define MAX_SITES	1024
#define JUMP_SIZE	7
#define SITE_SIZE_MAX	9

/*
 * What a copy has in place of the original's bytes. Which ones those were is
 * kept, so that copy and original can be compared at any time.
 */
struct span {
	u16 start;		/* in the page */
	u8 len;
	u8 saved[SITE_SIZE_MAX];
};

/* A copy of a page of code. Never changed once a space may map it. */
struct copy {
	refcount_t users;	/* snapshots */
	struct page *page;
	unsigned int nr;
	struct span span[];	/* ascending */
};

struct code_page {
	unsigned long addr;
	unsigned long pfn;	/* of the original */
	struct copy *copy;
};

/*
 * What is rewritten in an address space: a snapshot that never changes. One more
 * site makes a new one. Readers need RCU only; a child shares its parent's.
 */
struct r3_rewrite {
	refcount_t users;	/* address spaces, and who works on the next one */
	unsigned int nr_pages, nr_sites;
	struct code_page *page;
	struct r3_site *site;	/* by number, in the order in which they were found */
	struct rcu_head rcu;
};

/* What its program has where a site is; the jump may be mapped for it. */
enum r3_site_state {
	R3_SITE_OTHER,		/* something else */
	R3_SITE_THERE,		/* what the jump stands for */
	R3_SITE_AWAY,		/* the page is not in memory */
};

extern void *r3_site_table;	/* NULL: no rewriting */

static inline bool r3_rewrite_possible(struct mm_struct *mm)
{
	return r3_site_table && !READ_ONCE(mm->context.no_rewrite);
}

/* Where a site's page is. */
static inline unsigned long site_page(const struct r3_site *s)
{
	return (s->end - 1) & PAGE_MASK;
}

struct r3_rewrite *r3_rewrite_get(struct mm_struct *mm);
void r3_rewrite_put(struct r3_rewrite *w);
struct r3_rewrite *r3_rewrite_extend(const struct r3_rewrite *base, unsigned long addr,
				     struct page *page, const struct r3_site *add, unsigned int nr);

bool r3_rewrite_has(const struct r3_rewrite *w, struct page *page, const struct r3_site *s);
bool r3_rewrite_copied(const struct r3_rewrite *w, unsigned long addr);

/* mm/map.c */
enum r3_site_state r3_site_state(struct mm_struct *mm, const struct r3_site *s);
bool r3_rewrite_publish(struct mm_struct *mm, struct r3_rewrite *base, struct r3_rewrite *next,
			unsigned long addr, unsigned long pfn);

/* boundary.c */
bool r3_site_decode(const u8 *code, unsigned int end, long nr, struct r3_site *s);
bool r3_boundary_certain(const u8 *page, unsigned int start, unsigned int end);
bool r3_boundary_reached(const u8 *code, unsigned int start, unsigned int end, unsigned long *targets);

/* What a file says of a function. */
struct r3_cfi {
	u64 start;		/* of that function, or of the one before: an offset in the file */
	bool signal;		/* it is the return from a signal handler */
};
bool r3_cfi_find(struct file *file, u64 off, unsigned int len, struct r3_cfi *cfi);

#endif
