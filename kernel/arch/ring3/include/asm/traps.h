/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_TRAPS_H
#define _ASM_RING3_TRAPS_H

#include <linux/types.h>

/* x86 exception vectors, as the host reports them in sigcontext.trapno. */
#define R3_TRAP_DE	0
#define R3_TRAP_DB	1
#define R3_TRAP_BP	3
#define R3_TRAP_UD	6
#define R3_TRAP_MF	16
#define R3_TRAP_GP	13
#define R3_TRAP_PF	14
#define R3_TRAP_AC	17
#define R3_TRAP_XF	19

#define R3_PF_WRITE	0x02
#define R3_PF_USER	0x04
#define R3_PF_INSTR	0x10

/* What r3_trap_entry finds on the stack, see host/signal.c. */
struct r3_trap {
	unsigned long sig;
	unsigned long nr;
	unsigned long err;
	unsigned long addr;
	unsigned long sp;
};

/* What is left free above it. */
#define R3_TRAP_GAP	64

struct pt_regs;
struct mm_struct;

DECLARE_PER_CPU(u32, r3_irq_off);
DECLARE_PER_CPU(u32, r3_irq_pending);

void r3_take_irqs(struct pt_regs *regs);
void __noreturn r3_user_loop(struct pt_regs *regs);
int r3_fault_in(struct mm_struct *mm, unsigned long addr, unsigned int flags,
		struct pt_regs *regs, int *code);
bool r3_fixup_exception(struct pt_regs *regs);
bool r3_vmap_fault(unsigned long addr, unsigned long err);
void die(const char *str, struct pt_regs *regs, long err);
void r3_fault_user(struct pt_regs *regs, unsigned long addr, unsigned long err);

/* Calls of membarrier() under way: kernel/syscalls.c. */
extern atomic_t r3_membarriers;

#endif
