/* SPDX-License-Identifier: GPL-2.0-only */
/* Rewritten system calls: mm/copies.c, mm/rewrite.c, mm/sites.c. */
#ifndef _ASM_RING3_REWRITE_H
#define _ASM_RING3_REWRITE_H

#include <linux/types.h>

struct mm_struct;
struct pt_regs;
struct r3_space;

enum r3_site_kind { R3_SITE_HEAD, R3_SITE_TAIL };

/* A system call of one address space that is a jump there. */
struct r3_site {
	unsigned long end;	/* the address behind the syscall instruction */
	s32 value;		/* HEAD: the number, TAIL: what is compared */
	u8 kind;
	u8 before;		/* bytes before end that are replaced */
	bool wide;		/* HEAD: its MOV extends the sign */
};

/* mm/copies.c */
unsigned long r3_rewrite_pfn(struct r3_space *space, struct mm_struct *mm, unsigned long addr,
			     unsigned long pfn);
void r3_rewrite_table(struct r3_space *space);
void r3_rewrite_fork(struct mm_struct *oldmm, struct mm_struct *mm);
void r3_rewrite_free(struct mm_struct *mm);

/* mm/rewrite.c */
bool r3_rewrite_syscall(unsigned long ip, long nr);

/* mm/sites.c */
bool r3_rewrite_enter(struct pt_regs *regs, u32 index, struct r3_site *site);
void r3_rewrite_leave(struct pt_regs *regs, const struct r3_site *site);
int r3_rewrite_trap(struct pt_regs *regs);
void r3_rewrite_settle(struct pt_regs *regs);
bool r3_rewrite_wants_table(struct pt_regs *regs, unsigned long addr);

/* mm/map.c */
bool r3_maps_code(struct mm_struct *mm, unsigned long addr, unsigned long pfn);
void r3_map_table(struct mm_struct *mm);
/* From here on all code of the mm is mapped as it is. */
void r3_rewrite_off(struct mm_struct *mm);

#endif
