/* SPDX-License-Identifier: GPL-2.0-only */
/* How a vCPU waits for its guest thread: kernel/handover.c. */
#ifndef _ASM_RING3_HANDOVER_H
#define _ASM_RING3_HANDOVER_H

#include <linux/types.h>

struct r3_slot;
struct r3_slot_info;

bool r3_hand_over(const struct r3_slot *slot);
void r3_handover_begin(struct r3_slot_info *info);
bool r3_handover_spin(struct r3_slot *slot);
void r3_handover_end(bool slept);
void r3_handover_late(void);
void r3_handover_home(void);
void r3_handover_forget(unsigned int cpu, struct r3_slot_info *info);

/* kernel/affinity.c */
int r3_affinity_home(void);
int r3_affinity_home_of(unsigned int cpu);
long r3_affinity_move(unsigned int host_cpu);

#endif
