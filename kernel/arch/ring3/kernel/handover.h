/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a vCPU waits for user code: on a host CPU of its own (kernel/borrow.c),
 * by polling (kernel/poll.c), else by yields (asm/yield.h) and sleep.
 */
#ifndef R3_HANDOVER_H
#define R3_HANDOVER_H

#include <linux/types.h>

struct r3_slot;
struct r3_slot_info;

void r3_handover_begin(struct r3_slot_info *info);
void r3_handover_poll(struct r3_slot_info *info);
bool r3_handover_spin(struct r3_slot *slot);
void r3_handover_end(bool slept);
void r3_handover_late(void);
void r3_handover_home(void);
void r3_handover_leave(unsigned int site, u64 enter);
void r3_handover_idle(void);
bool r3_handover_away(void);

#endif
