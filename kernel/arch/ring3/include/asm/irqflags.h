/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupts are host signals to the vCPU's thread; "off" is a word in per-CPU
 * memory. A signal that arrives while it is set only leaves r3_irq_pending
 * behind, and whoever enables interrupts takes them then.
 */
#ifndef _ASM_RING3_IRQFLAGS_H
#define _ASM_RING3_IRQFLAGS_H

#include <asm/processor-flags.h>

#ifndef __ASSEMBLY__

/* In host/entry.S: takes pending interrupts as if one came in here. */
extern void r3_irq_replay(void);

static __always_inline unsigned long arch_local_save_flags(void)
{
	unsigned int off;

	asm volatile("movl %%gs:r3_irq_off(%%rip), %0" : "=r" (off) :: "memory");
	return off ? 0 : X86_EFLAGS_IF;
}

static __always_inline void arch_local_irq_disable(void)
{
	asm volatile("movl $1, %%gs:r3_irq_off(%%rip)" ::: "memory");
}

static __always_inline void arch_local_irq_enable(void)
{
	bool pending;

	asm volatile("movl $0, %%gs:r3_irq_off(%%rip)\n\t"
		     "cmpl $0, %%gs:r3_irq_pending(%%rip)"
		     : "=@ccne" (pending) :: "memory");
	if (__builtin_expect(pending, 0))
		r3_irq_replay();
}

static __always_inline unsigned long arch_local_irq_save(void)
{
	unsigned long flags = arch_local_save_flags();

	arch_local_irq_disable();
	return flags;
}

static __always_inline bool arch_irqs_disabled_flags(unsigned long flags)
{
	return !(flags & X86_EFLAGS_IF);
}

static __always_inline bool arch_irqs_disabled(void)
{
	return arch_irqs_disabled_flags(arch_local_save_flags());
}

static __always_inline void arch_local_irq_restore(unsigned long flags)
{
	if (!arch_irqs_disabled_flags(flags))
		arch_local_irq_enable();
	else
		arch_local_irq_disable();
}

#endif
#endif
