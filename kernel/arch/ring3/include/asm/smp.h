/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_SMP_H
#define _ASM_RING3_SMP_H

#include <linux/cpumask.h>
#include <asm/percpu.h>
#include <asm/versions.h>

DECLARE_PER_CPU(int, r3_cpu_number);
#define raw_smp_processor_id()	this_cpu_read(r3_cpu_number)
#define __smp_processor_id()	__this_cpu_read(r3_cpu_number)

void arch_send_call_function_single_ipi(int cpu);
void arch_send_call_function_ipi_mask(const struct cpumask *mask);
void arch_smp_send_reschedule(int cpu);
void smp_send_stop(void);
/* Posts an interrupt, R3_PEND_*, to a vCPU; it may be this one. */
void r3_post_vcpu(unsigned int cpu, u32 bit);
int __cpu_up(unsigned int cpu, struct task_struct *idle);

#ifdef CONFIG_HOTPLUG_CPU
int __cpu_disable(void);
void __cpu_die(unsigned int cpu);
#endif

#endif
