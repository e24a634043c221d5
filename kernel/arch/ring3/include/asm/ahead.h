/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages that are mapped before user code asks for them: mm/ahead.c. */
#ifndef _ASM_RING3_AHEAD_H
#define _ASM_RING3_AHEAD_H

struct mm_struct;
struct vm_area_struct;

/* Has addr no table of pages? */
bool r3_no_table(struct mm_struct *mm, unsigned long addr);

/*
 * Enters what is in the page cache around @addr, and costs no I/O, into the page tables. The vma's
 * lock, or the mm's, is held.
 */
void r3_enter_cached(struct vm_area_struct *vma, unsigned long addr, unsigned int flags);

/* For a mapping that current has just made. */
void r3_map_new(unsigned long addr, unsigned long len, unsigned long prot);

/* For a program that is about to start. */
void r3_map_program(struct mm_struct *mm);

#endif
