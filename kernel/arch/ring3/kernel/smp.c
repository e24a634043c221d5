// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: one host thread of the monitor each. Secondary threads wait on a
 * word of the boot block until the kernel gives them a stack.
 */
#include <linux/smp.h>
#include <linux/init_task.h>
#include <linux/cpu.h>
#include <linux/sched/hotplug.h>
#include <linux/sched/task_stack.h>
#include <linux/sched/mm.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/delay.h>
#include <linux/profile.h>
#include <linux/sched/topology.h>
#include <asm/fpu.h>
#include <asm/host.h>
#include <asm/entry.h>
#include <asm/traps.h>
#include <asm/mmu_context.h>
#include <asm/versions.h>

DEFINE_PER_CPU(int, r3_cpu_number);
EXPORT_PER_CPU_SYMBOL(r3_cpu_number);
#ifdef DEFINE_PER_CPU_CACHE_HOT
DEFINE_PER_CPU_CACHE_HOT(unsigned long, this_cpu_off);
#else
DEFINE_PER_CPU_READ_MOSTLY(unsigned long, this_cpu_off);
#endif
EXPORT_PER_CPU_SYMBOL(this_cpu_off);
DEFINE_PER_CPU(struct task_struct *, r3_current_task) = &init_task;
EXPORT_PER_CPU_SYMBOL(r3_current_task);

static __always_inline void set_gsbase(unsigned long base)
{
	asm volatile("wrgsbase %0" :: "r" (base) : "memory");
}

void r3_post_vcpu(unsigned int cpu, u32 bit)
{
	if (!__atomic_fetch_or(&r3_boot->vcpu[cpu].pending, bit, __ATOMIC_ACQ_REL))
		r3_host_signal_vcpu(cpu, R3_SIG_IRQ);
}

void arch_smp_send_reschedule(int cpu)
{
	r3_post_vcpu(cpu, R3_PEND_RESCHED);
}

void arch_send_call_function_single_ipi(int cpu)
{
	r3_post_vcpu(cpu, R3_PEND_CALL);
}

void arch_send_call_function_ipi_mask(const struct cpumask *mask)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		r3_post_vcpu(cpu, R3_PEND_CALL);
}

#ifdef CONFIG_GENERIC_CLOCKEVENTS_BROADCAST
void tick_broadcast(const struct cpumask *mask)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		r3_post_vcpu(cpu, R3_PEND_TIMER);
}
#endif

/* An interrupt of its own: who ends the guest may wait for no other CPU. */
void __noreturn r3_stop_this_cpu(void)
{
	set_cpu_online(smp_processor_id(), false);
	for (;;) {
		static u32 never;

		r3_host_futex_wait(&never, 0);
	}
}

void smp_send_stop(void)
{
	unsigned int cpu, self = raw_smp_processor_id();

	for_each_online_cpu(cpu) {
		if (cpu != self)
			r3_post_vcpu(cpu, R3_PEND_STOP);
	}
}

void __init smp_prepare_boot_cpu(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		per_cpu(this_cpu_off, cpu) = __per_cpu_offset[cpu];
		per_cpu(r3_cpu_number, cpu) = cpu;
	}
	set_gsbase(__per_cpu_offset[0]);
}

void __init smp_setup_possible(void)
{
	unsigned int cpu;

	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		set_cpu_possible(cpu, cpu < r3_boot->nr_cpus);
		set_cpu_present(cpu, cpu < r3_boot->nr_cpus);
	}
}

/*
 * To the scheduler vCPUs are cores that share a cache. Where the host has put
 * them it may not be so, but that is not ours to know; and what it means is that
 * who is woken may run on any idle one.
 */
static int sharing_cache(void)
{
	return SD_SHARE_LLC;
}

static struct sched_domain_topology_level topology[] = {
#ifdef SDTL_INIT
	SDTL_INIT(tl_pkg_mask, sharing_cache, PKG),
#else
	{ cpu_cpu_mask, sharing_cache, SD_INIT_NAME(PKG) },
#endif
	{ NULL },
};

void __init smp_prepare_cpus(unsigned int max_cpus)
{
	set_sched_topology(topology);
}

void __init smp_cpus_done(unsigned int max_cpus)
{
}

int __cpu_up(unsigned int cpu, struct task_struct *idle)
{
	struct r3_vcpu *vcpu = &r3_boot->vcpu[cpu];
	unsigned long timeout = jiffies + 10 * HZ;

	/* It was told to stop and has not, or does not come up. */
	if (READ_ONCE(vcpu->start))
		return -EBUSY;
	per_cpu(r3_current_task, cpu) = idle;
	vcpu->stack = (unsigned long)task_pt_regs(idle);
	smp_store_release(&vcpu->start, 1);
	r3_host_futex_wake(&vcpu->start, 1);
	while (!cpu_online(cpu)) {
		if (time_after(jiffies, timeout))
			return -EIO;
		r3_host_yield();
		cpu_relax();
	}
	return 0;
}

/* Until the first line is done there is no per-CPU memory, and so no tracing. */
asmlinkage __visible noinstr void r3_secondary_start(struct r3_boot *boot, unsigned int cpu)
{
	set_gsbase(__per_cpu_offset[cpu]);
	instrumentation_begin();
	r3_fpu_drop();
	mmgrab(&init_mm);
	current->active_mm = &init_mm;
	notify_cpu_starting(cpu);
	r3_clockevent_start(cpu);
	set_cpu_online(cpu, true);
	local_irq_enable();
	cpu_startup_entry(CPUHP_AP_ONLINE_IDLE);
}
