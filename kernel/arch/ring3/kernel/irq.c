// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts. What is pending for a vCPU is a word of bits that anybody in the
 * monitor may set (abi/ring3/boot.h); the signal only makes it look.
 */
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/entry-common.h>
#include <linux/hardirq.h>
#include <linux/seq_file.h>
#include <linux/reboot.h>
#include <asm/irq_regs.h>
#include <asm/host.h>
#include <asm/entry.h>
#include <asm/forced_yield.h>
#include <asm/held.h>
#include <asm/traps.h>
#include <asm/space.h>

static void device_interrupts(void)
{
	u64 bits = __atomic_exchange_n(&r3_boot->dev_pending, 0, __ATOMIC_ACQ_REL);

	while (bits) {
		unsigned int dev = __ffs64(bits);

		bits &= bits - 1;
		generic_handle_irq(R3_IRQ_DEV(dev));
	}
}

static void called(void)
{
	generic_smp_call_function_interrupt();
#ifdef R3_IRQ_WORK
	irq_work_run();
#endif
}

static void power_request(void)
{
	if (xchg(&r3_boot->power_request, R3_POWER_NONE) == R3_POWER_DOWN)
		orderly_poweroff(true);
}

#ifdef R3_IRQ_WORK
/* To this vCPU itself, so without a signal: it is taken once interrupts are on. */
void arch_irq_work_raise(void)
{
	unsigned long flags;

	local_irq_save(flags);
	__atomic_fetch_or(&r3_boot->vcpu[smp_processor_id()].pending, R3_PEND_CALL, __ATOMIC_ACQ_REL);
	this_cpu_write(r3_irq_pending, 1);
	local_irq_restore(flags);
}
#endif

/* All that is pending; interrupts are off, irqentry_enter() has been called. */
void r3_take_irqs(struct pt_regs *regs)
{
	struct pt_regs *old = set_irq_regs(regs);
	u32 *word = &r3_boot->vcpu[smp_processor_id()].pending;
	u32 bits;

	irq_enter_rcu();
	this_cpu_write(r3_irq_pending, 0);
	r3_held_check();
	while ((bits = __atomic_exchange_n(word, 0, __ATOMIC_ACQ_REL))) {
		if (bits & R3_PEND_STOP)
			r3_stop_this_cpu();
		if (bits & R3_PEND_RESCHED)
			scheduler_ipi();
		if (bits & R3_PEND_CALL)
			called();
		if (bits & R3_PEND_TIMER)
			r3_timer_interrupt();
		if (bits & R3_PEND_DEVICE)
			device_interrupts();
		if (bits & R3_PEND_SPACE)
			r3_space_reap();
		if (bits & R3_PEND_POWER)
			power_request();
		/* Beside user code that has to stop first: run_user(). */
		if ((bits & R3_PEND_FORCED_YIELD) && !user_mode(regs))
			r3_forced_yield();
	}
	irq_exit_rcu();
	set_irq_regs(old);
}

/* From r3_irq_entry: kernel code was interrupted, with interrupts on. */
asmlinkage __visible noinstr void r3_irq_handler(struct pt_regs *regs)
{
	regs->flags |= X86_EFLAGS_IF;
	do {
		irqentry_state_t state = irqentry_enter(regs);

		instrumentation_begin();
		r3_take_irqs(regs);
		instrumentation_end();
		irqentry_exit(regs, state);

		this_cpu_write(r3_irq_off, 0);
		barrier();
		if (!this_cpu_read(r3_irq_pending))
			return;
		this_cpu_write(r3_irq_off, 1);
	} while (1);
}

static void no_op(struct irq_data *d)
{
}

static struct irq_chip r3_irq_chip = {
	.name = "ring3",
	.irq_mask = no_op,
	.irq_unmask = no_op,
	.irq_ack = no_op,
	.irq_eoi = no_op,
	.flags = IRQCHIP_SKIP_SET_WAKE,
};

void __init init_IRQ(void)
{
	unsigned int i;

	for (i = 0; i < R3_VDEV_MAX; i++) {
		irq_alloc_desc_at(R3_IRQ_DEV(i), 0);
		irq_set_chip_and_handler(R3_IRQ_DEV(i), &r3_irq_chip, handle_simple_irq);
	}
}

int __init arch_probe_nr_irqs(void)
{
	return 0;
}
