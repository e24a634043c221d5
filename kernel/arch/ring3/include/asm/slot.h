/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Slots: the pages of guest RAM through which a vCPU and a guest thread of a
 * space hand registers to each other (abi/ring3/space.h). User code of the space
 * can write them at any time. So what is in them is read here, in frame.c and in
 * fpu.c only, each word by R3_SLOT_GET() and once for each event, and believed
 * by nobody.
 */
#ifndef _ASM_RING3_SLOT_H
#define _ASM_RING3_SLOT_H

#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/percpu.h>
#include <linux/atomic.h>
#include <asm/affinity.h>
#include <asm/fpu.h>
#include <ring3/space.h>

/* A guest thread of a space: the one that runs user code for one vCPU. */
struct r3_slot_info {
	struct r3_slot *slot;		/* our view of the shared pages */
	unsigned long size;
	u32 tid;			/* on the host */
	int home;			/* the host CPU it is kept on, or -1 */
	u64 stamp;			/* whose vector state its frame holds */
	unsigned long uc;		/* offsets into the slot, checked; 0: none yet */
	unsigned long fp;
	u64 fs, gs;			/* bases that its thread has, after R3_SIG_FAST */
	bool started;
	bool fast;			/* the thread waits after R3_SIG_FAST, not in a signal handler */
};

extern unsigned int r3_stack_start;	/* where in a slot its signal stack begins */

/* What the kernel says once in a slot that is all zeroes otherwise. */
static inline void r3_slot_begin(struct r3_slot *slot)
{
	slot->xmask = r3_xfeatures;
	slot->yield = r3_vcpus_apart;
	slot->spins = 1;
}

#define R3_SLOT_GET(slot, field)	READ_ONCE((slot)->field)

DECLARE_PER_CPU(struct r3_slot_info *, r3_slot_last);
void r3_slot_forget(unsigned int cpu, struct r3_slot_info *info);

/* Of a slot in its space. */
static inline unsigned long r3_slot_address(unsigned int cpu)
{
	return R3_STUB_SLOTS + cpu * R3_SLOT_STRIDE;
}

/* Any value but these two means that user code stopped: what it says is checked later. */
static inline bool r3_slot_stopped(const struct r3_slot *slot)
{
	u32 event = R3_SLOT_GET(slot, event);

	return event != 0 && event != 2;
}

/* Whether anything was written to event, a wake-up that is asked for included. */
static inline bool r3_slot_posted(const struct r3_slot *slot)
{
	return R3_SLOT_GET(slot, event);
}

/* Says that the guest thread sleeps, or is about to. */
static inline bool r3_slot_sleeps(const struct r3_slot *slot)
{
	return R3_SLOT_GET(slot, resume) == 2;
}

/* Of a thread that waits: it goes to sleep. Whoever resumes it says how it is to wait next time. */
static inline void r3_slot_no_turns(struct r3_slot *slot)
{
	WRITE_ONCE(slot->left, 0);
	WRITE_ONCE(slot->yield_request, 1);
}

/* event = 0 and resume = 1 in one go, see struct r3_slot. True if it has to be woken. */
static inline bool r3_slot_resume(struct r3_slot *slot)
{
	return xchg((u64 *)&slot->event, 1ULL << 32) >> 32 >= 2;
}

/* The same without resume: that is told by the manager. */
static inline void r3_slot_begin_event(struct r3_slot *slot)
{
	WRITE_ONCE(slot->event, 0);
}

/* The vCPU is about to sleep until event changes from 2. False if it has. */
static inline bool r3_slot_announce_sleep(struct r3_slot *slot)
{
	cmpxchg(&slot->event, 0, 2);
	return R3_SLOT_GET(slot, event) == 2;
}

/* Its number on the host, which is not for user code to know. */
static inline u32 r3_slot_take_tid(struct r3_slot *slot)
{
	return xchg(&slot->tid, 0);
}

#endif
