/* SPDX-License-Identifier: GPL-2.0-only */
/* Who yields to whom on a host CPU, and when: kernel/yield.c. */
#ifndef _ASM_RING3_YIELD_H
#define _ASM_RING3_YIELD_H

#include <linux/types.h>

struct r3_slot;

bool r3_hand_over(const struct r3_slot *slot);
void r3_hand_over_worked(void);
bool r3_was_done(u64 since);
void r3_yield_elsewhere(void);
void r3_yield_apart(bool apart);
void r3_yield_settle(const struct r3_slot *slot);
u64 r3_yield_enter(void);
void r3_yield_leave(unsigned int site, u64 enter, bool learn);
bool r3_yield_likely_back(void);

#endif
