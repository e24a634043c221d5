/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the way into the kernel and out of it asks of generic code, which offers it under
 * other names from version to version.
 */
#ifndef _ASM_RING3_GENERIC_ENTRY_H
#define _ASM_RING3_GENERIC_ENTRY_H

#include <linux/entry-common.h>

/* Interrupts are on then. False: the call is not to be made, its result is in regs. */
static __always_inline bool r3_syscall_enter(struct pt_regs *regs, long *nr)
{
#ifdef syscall_enter_from_user_mode_randomize_stack
	return syscall_enter_from_user_mode_randomize_stack(regs, nr);
#else
	*nr = syscall_enter_from_user_mode(regs, *nr);
	return *nr != -1;
#endif
}

/* All but exit_to_user_mode(). Interrupts are off then. */
static __always_inline void r3_syscall_exit_work(struct pt_regs *regs)
{
	syscall_exit_to_user_mode_work(regs);
#ifdef EXIT_TO_USER_MODE_WORK_SYSCALL
	local_irq_disable();
	syscall_exit_to_user_mode_prepare(regs);
#endif
}

/*
 * Interrupts were taken beside user code, which goes on: nothing else will set the
 * timer that one of them may have left unset.
 */
static __always_inline void r3_timer_rearm(void)
{
#ifdef CONFIG_HRTIMER_REARM_DEFERRED
	hrtimer_rearm_deferred();
#endif
}

#endif
