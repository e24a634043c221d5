/* SPDX-License-Identifier: GPL-2.0-only */
/* What assembly, the image header and the port's files call of each other. */
#ifndef _ASM_RING3_ENTRY_H
#define _ASM_RING3_ENTRY_H

#include <linux/linkage.h>
#include <linux/init.h>

struct pt_regs;
struct r3_boot;
struct r3_trap;
struct siginfo;
struct task_struct;
struct ucontext;

/* host/ */
void r3_host_signal(int sig, struct siginfo *si, struct ucontext *uc);
void __init r3_console_init(void);

/* From host/head.S: starts over on this stack. */
void __noreturn r3_restart_secondary(struct r3_boot *boot, unsigned int cpu, unsigned long stack);

/* kernel/setup.c, smp.c, time.c */
void __init __noreturn r3_start_kernel(struct r3_boot *boot);
void r3_secondary_start(struct r3_boot *boot, unsigned int cpu);
void __init smp_setup_possible(void);
void __noreturn r3_stop_this_cpu(void);
void r3_clockevent_start(unsigned int cpu);
void r3_timer_interrupt(void);
void __init r3_time_early(void);

/* From host/entry.S */
void r3_irq_handler(struct pt_regs *regs);
void r3_trap_handler(struct pt_regs *regs, struct r3_trap *trap);
void r3_ret_from_fork(struct task_struct *prev, struct pt_regs *regs,
		      int (*fn)(void *), void *arg);
void r3_rethook(struct pt_regs *regs);

#endif
