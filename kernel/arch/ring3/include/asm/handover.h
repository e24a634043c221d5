/* SPDX-License-Identifier: GPL-2.0-only */
/* How a vCPU waits for its guest thread: kernel/handover.c. */
#ifndef _ASM_RING3_HANDOVER_H
#define _ASM_RING3_HANDOVER_H

#include <linux/types.h>

struct r3_slot;
struct r3_slot_info;

#define R3_HABITS	16

/*
 * Whether the vCPU comes back to a guest thread from its next rewritten call
 * without having been elsewhere: what a thread does after each of its calls it
 * mostly does again.
 */
struct r3_habit {
	u8 last;			/* call, a site modulo R3_HABITS */
	u8 score[R3_HABITS];		/* up when it came back from the call after that */
	u16 first[R3_HABITS + 1];	/* time to the next event; the last: after a signal */
};

bool r3_hand_over(const struct r3_slot *slot);
void r3_handover_begin(struct r3_slot_info *info);
void r3_handover_poll(struct r3_slot_info *info);
bool r3_handover_spin(struct r3_slot *slot);
void r3_handover_end(bool slept);
void r3_handover_late(void);
void r3_handover_home(void);
u64 r3_handover_enter(void);
void r3_handover_leave(unsigned int site, u64 enter);
void r3_handover_idle(void);
void r3_handover_forget(unsigned int cpu, struct r3_slot_info *info);

/* kernel/affinity.c */
int r3_affinity_home(void);
int r3_affinity_home_of(unsigned int cpu);
long r3_affinity_move(unsigned int host_cpu);

#endif
