/* SPDX-License-Identifier: GPL-2.0-only */
/* Spaces as the kernel sees them: mm/space.c, mm/map.c, kernel/user.c. */
#ifndef _ASM_RING3_SPACE_H
#define _ASM_RING3_SPACE_H

#include <linux/spinlock.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/rcupdate.h>
#include <asm/affinity.h>
#include <asm/debug_spaces.h>
#include <asm/slot.h>

/* Spaces that no address space uses: fresh or parked. Oldest first. */
struct r3_idle {
	struct list_head spaces;
	unsigned int nr, max;
};

struct r3_space {
	spinlock_t lock;
	struct mm_struct *mm;		/* whose user code it runs, or NULL */
	struct r3_cmd_page *cmd;
	u32 head;			/* commands issued */
	u32 pos;			/* where in the ring the next one goes */
	u32 rung;			/* of them, published to the manager */
	u32 acked;			/* of them, known to be done */
	u32 id;				/* index in r3_zygote.space */
	u32 nr_maps;			/* host mappings, an upper bound */
	u32 told_maps;			/* of them, in the sum of all spaces */
	u32 max_maps;
	int placed;			/* the vCPU whose host CPU its manager is on, or R3_PLACED_* */
	bool dead;			/* its process has ended */
	bool dying;			/* told to end, may still run */
	bool orphan;			/* no mm; freed when its process has ended */
	bool site_table;		/* is mapped: mm/rewrite.c */
	bool failed;			/* a command since this was cleared */
	bool refused;			/* a command, ever */
	bool retired;			/* nothing in it can be written any more */
	unsigned long lo, hi;		/* nothing is mapped outside */
	struct r3_idle *idle;		/* the list that it is on, or NULL; with its entry */
	struct list_head idle_entry;	/* under the lock of mm/space.c's lists */
	struct r3_debug_space debug;
	struct rcu_head rcu;
	struct r3_slot_info *slots[NR_CPUS];
};

#define R3_PLACED_NOWHERE	(-1)
#define R3_PLACED_EVERYWHERE	NR_CPUS

/* mm/context.c: which space an mm has. */
void r3_space_place(struct r3_space *space, unsigned int cpu, bool shared);
struct r3_space *r3_space_get(struct mm_struct *mm);

/*
 * The mm's space, locked, or NULL. For who is not user code of the mm: the mm may
 * be ending, and its space be another's by now.
 */
static inline struct r3_space *r3_space_lock(struct mm_struct *mm, unsigned long *flags)
{
	struct r3_space *space;

	rcu_read_lock();
	space = READ_ONCE(mm->context.space);
	if (space) {
		spin_lock_irqsave(&space->lock, *flags);
		if (space->mm != mm) {
			spin_unlock_irqrestore(&space->lock, *flags);
			space = NULL;
		}
	}
	rcu_read_unlock();
	return space;
}

static inline void r3_space_unlock(struct r3_space *space, unsigned long flags)
{
	spin_unlock_irqrestore(&space->lock, flags);
}

/* mm/space.c: a space and what it is told. */
void r3_space_init(void);
struct r3_space *r3_space_new(void);
void r3_space_end(struct r3_space *space);
struct r3_slot_info *r3_space_slot(struct r3_space *space, unsigned int cpu);
void r3_space_reap(void);
void r3_space_on_loss(void (*fn)(void));
bool r3_idle_add(struct r3_idle *idle, struct r3_space *space);
struct r3_space *r3_idle_take(struct r3_idle *idle);

/* Queue a command; the space's lock is held. The manager looks at the queue
 * when it is rung. */
void r3_space_cmd(struct r3_space *space, u32 op, u32 arg, unsigned long addr,
		  unsigned long len, unsigned long off);
void r3_space_ring(struct r3_space *space);
/* Rings and waits until all is done. Returns 0, or -ENOMEM if the host refused
 * a mapping, or -ESRCH if the space is dead. */
int r3_space_sync(struct r3_space *space);
/* The same, but what was refused is left to the next r3_space_sync(). */
int r3_space_wait(struct r3_space *space);
void r3_space_drop(struct r3_space *space);
/* Is it to drop its mappings before it gets more? */
bool r3_space_full(struct r3_space *space);

/* mm/recycle.c */
void r3_space_retire(struct r3_space *space);
bool r3_space_park(struct r3_space *space);
struct r3_space *r3_space_unpark(void);

/* What one fault brings in, a power of two. */
#define R3_AROUND_SIZE	(64 * PAGE_SIZE)

pmd_t *r3_pmd_of(struct mm_struct *mm, unsigned long addr);
bool r3_pte_none(struct mm_struct *mm, unsigned long addr);
bool r3_write_copies(struct mm_struct *mm, unsigned long addr);
bool r3_anon_writable(struct mm_struct *mm, unsigned long addr);

/* mm/map.c: makes what the page tables hold around addr visible in the space.
 * Returns 0, -EAGAIN if the tables do not allow the access (any more), or an
 * error. */
void r3_fault_first(struct pt_regs *regs);
bool r3_has_mapped(struct mm_struct *mm, unsigned long addr, int want);
int r3_map_around(struct mm_struct *mm, unsigned long addr, bool write, bool exec);
/* The same for what is known to be needed: no more than the page and what one mapping brings in with it. */
int r3_map_run(struct mm_struct *mm, unsigned long addr, bool write, bool exec);

/* mm/forked.c */
#define R3_FORKED_PAGES	64
#define R3_FORKED_WRITE	1UL		/* of a private page: it is copied */
#define R3_FORKED_EXEC	2UL
void r3_forked_note(struct mm_struct *mm, unsigned long addr, unsigned long how);
bool r3_forked_expects(struct mm_struct *mm, unsigned long addr);
unsigned int r3_forked_pages(struct mm_struct *mm, unsigned long *pages);
void r3_forked_free(struct mm_struct *mm);

/* mm/uaccess.c: waits for copies that found their page before now. */
void r3_uaccess_flush(void);

#endif
