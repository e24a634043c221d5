// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs that come and go. Who goes parks its host thread, which then uses no
 * time of the host; who comes back starts as at boot, from the same word.
 *
 * What a vCPU leaves behind stays valid: its guest threads sleep in their
 * spaces and serve it again when it is back, vector state was saved when its
 * last task was switched away, and acknowledgements are waited for with
 * interrupts off, so none is outstanding. CPU 0 stays: devices, the reaper and
 * the host's requests interrupt it and no other.
 */
#include <linux/cpu.h>
#include <linux/init.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/hotplug.h>
#include <linux/jiffies.h>
#include <asm/host.h>
#include <asm/entry.h>
#include <asm/irqflags.h>
#include <asm/smp.h>
#include <asm/traps.h>
#include "handover.h"

static DEFINE_PER_CPU(struct cpu, cpu_devices);

static int __init register_cpus(void)
{
	unsigned int cpu;

	for_each_present_cpu(cpu) {
		struct cpu *c = &per_cpu(cpu_devices, cpu);
		int ret;

		c->hotpluggable = IS_ENABLED(CONFIG_HOTPLUG_CPU) && cpu > 0;
		ret = register_cpu(c, cpu);
		if (ret)
			pr_warn("ring3: CPU %u cannot be shown in sysfs (error %d)\n", cpu, ret);
	}
	return 0;
}
subsys_initcall(register_cpus);

#ifdef CONFIG_HOTPLUG_CPU
#define DIE_TIMEOUT	(10 * HZ)
#define LOOK_AGAIN_NS	(10 * NSEC_PER_MSEC)

/* On the CPU that goes, while all others are stopped. */
int __cpu_disable(void)
{
	unsigned int cpu = smp_processor_id();

	if (!cpu)
		return -EBUSY;
	set_cpu_online(cpu, false);
	return 0;
}

/* On another CPU: until nothing of the kernel runs there any more. */
void __cpu_die(unsigned int cpu)
{
	u32 *started = &r3_boot->vcpu[cpu].start;
	unsigned long timeout = jiffies + DIE_TIMEOUT;

	while (smp_load_acquire(started)) {
		if (time_after(jiffies, timeout)) {
			pr_err("ring3: CPU %u does not stop\n", cpu);
			return;
		}
		r3_host_futex_wait_ns(started, 1, LOOK_AGAIN_NS);
	}
}

/* The idle task of a CPU that is offline. Interrupts are off. */
void __noreturn arch_cpu_idle_dead(void)
{
	unsigned int cpu = smp_processor_id();
	struct r3_vcpu *vcpu = &r3_boot->vcpu[cpu];

	idle_task_exit();
	r3_handover_home();
	r3_host_timer(cpu, 0);

	smp_store_release(&vcpu->start, 0);
	r3_host_futex_wake(&vcpu->start, 1);
	/* A signal that was on its way ends a wait, and changes nothing else. */
	while (!smp_load_acquire(&vcpu->start))
		r3_host_futex_wait(&vcpu->start, 0);

	/* What was posted before is not for the CPU that now comes. */
	xchg(&vcpu->pending, 0);
	this_cpu_write(r3_irq_pending, 0);
	r3_restart_secondary(r3_boot, cpu, vcpu->stack);
}
#endif
