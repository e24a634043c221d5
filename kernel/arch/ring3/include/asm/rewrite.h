/* SPDX-License-Identifier: GPL-2.0-only */
/* Rewritten system calls: mm/rewrite.c. */
#ifndef _ASM_RING3_REWRITE_H
#define _ASM_RING3_REWRITE_H

#include <linux/types.h>

struct mm_struct;
struct pt_regs;
struct r3_space;
struct site;

/* Under the space's lock. */
unsigned long r3_rewrite_pfn(struct r3_space *space, struct mm_struct *mm, unsigned long addr,
			     unsigned long pfn);
void r3_rewrite_table(struct r3_space *space);

void r3_rewrite_free(struct mm_struct *mm);
void r3_rewrite_syscall(unsigned long ip, long nr);
const struct site *r3_rewrite_enter(struct pt_regs *regs, u32 index);
void r3_rewrite_leave(struct pt_regs *regs, const struct site *s);
int r3_rewrite_trap(struct pt_regs *regs);
void r3_rewrite_settle(struct pt_regs *regs);
bool r3_rewrite_wants_table(struct pt_regs *regs, unsigned long addr);

/* mm/map.c */
bool r3_maps_pfn(struct mm_struct *mm, unsigned long addr, unsigned long pfn);
void r3_remap_code(struct mm_struct *mm, unsigned long addr, unsigned long pfn);
void r3_map_table(struct mm_struct *mm);
/* From here on all code of the mm is mapped as it is. */
void r3_rewrite_off(struct mm_struct *mm);

#endif
