/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_MMU_H
#define _ASM_RING3_MMU_H

#include <linux/types.h>
#include <ring3/layout.h>

struct r3_space;
struct r3_rewrite;
struct r3_seen;
struct r3_forked;

/* What a space may have mapped still, until the manager has acknowledged so many commands. */
struct r3_retired {
	struct r3_rewrite *snapshot;
	u32 head;
};

#define R3_RETIRED	4

/*
 * A range of pages in a word: 0 for none, else its first page number and its
 * length. What is longer than that can say is everything.
 */
#define R3_STALE_BITS	29
#define R3_STALE_ALL	((1ULL << R3_STALE_BITS) - 1)

static inline u64 r3_stale(unsigned long first, unsigned long end)
{
	return end - first < R3_STALE_ALL ? (u64)first << R3_STALE_BITS | (end - first) :
					    R3_STALE_ALL;
}

static inline unsigned long r3_stale_first(u64 stale)
{
	return stale >> R3_STALE_BITS;
}

static inline unsigned long r3_stale_end(u64 stale)
{
	return stale == R3_STALE_ALL ? R3_TASK_SIZE >> 12 :
				       r3_stale_first(stale) + (stale & R3_STALE_ALL);
}

typedef struct {
	struct r3_space *space;		/* NULL until user code first runs */
	unsigned long vdso;		/* where the vDSO's code is mapped, 0 if not */
	/*
	 * Where entries that the space had mapped were cleared or replaced
	 * since a flush.
	 */
	u64 stale;
	struct r3_rewrite __rcu *rewrite; /* mm/copies.c; NULL until a page of its code is patched */
	struct r3_retired retired[R3_RETIRED];	/* under the space's lock */
	struct r3_seen *seen;		/* mm/rewrite.c */
	struct r3_forked *forked;	/* mm/forked.c; NULL until it forks */
	struct r3_forked *child_of;
	bool pins;			/* its parent's pages, until they are copied */
	u8 noting;			/* so many faults more */
	bool counted;			/* among those that may have a space: mm/context.c */
	bool no_rewrite;		/* its system calls stay as they are */
	bool fresh;			/* new or forked: r3_fault_first() is due */
} mm_context_t;

#endif
