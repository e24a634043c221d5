// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU with nothing to run. To sleep and be woken costs more on the host
 * than most waits of a guest last: for a disk, a peer on another vCPU. So it
 * looks for work a while first, and lets whatever else wants its host CPU run
 * between two looks. It stops that where others had much to run, and where
 * work did not come in time: how long is worth it is learnt from every wait.
 *
 * While it looks, nobody has to signal it: R3_PEND_POLLING keeps the word of
 * its interrupts from being empty, TIF_POLLING_NRFLAG tells the scheduler.
 */
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/idle.h>
#include <linux/cpu.h>
#include <linux/minmax.h>
#include <asm/timex.h>
#include <asm/host.h>
#include <asm/space.h>
#include <asm/traps.h>
#include "handover.h"

#define POLL_MAX_US	200
#define POLL_MIN_US	25
#define SPIN_US		8	/* between two yields */
#define LONG_YIELD_US	50	/* somebody else ran */
#define PAUSE_US	1000

struct idle_poll {
	u64 limit;		/* of one poll, in TSC cycles; 0: sleep at once */
	u64 paused_until;
};

static DEFINE_PER_CPU(struct idle_poll, idle_poll);

/* Whoever may bring work can do it on another host CPU. */
static bool others_run_elsewhere(unsigned int cpu)
{
	return r3_vcpus_apart && (r3_boot->nr_cpus > 1 || r3_boot->vcpu[cpu].spare_cpu >= 0);
}

static bool something_to_do(u32 *pending)
{
	return READ_ONCE(*pending) != R3_PEND_POLLING ||
	       this_cpu_read(r3_irq_pending) || need_resched();
}

/* Interrupts are off. Returns true if there is something to do. */
static bool poll(struct idle_poll *p, u64 start)
{
	unsigned int cpu = smp_processor_id();
	u32 *pending = &r3_boot->vcpu[cpu].pending;
	u64 spin = others_run_elsewhere(cpu) ? r3_cycles(SPIN_US) : 0;
	u64 now = start, last = start;
	bool found;

	if (start < p->paused_until)
		return false;
	if (current_set_polling_and_test()) {
		__current_clr_polling();
		return true;
	}
	__atomic_fetch_or(pending, R3_PEND_POLLING, __ATOMIC_ACQ_REL);
	while (!(found = something_to_do(pending)) && now - start < p->limit) {
		cpu_relax();
		now = get_cycles();
		if (now - last < spin)
			continue;
		last = now;
		r3_host_yield();
		now = get_cycles();
		if (now - last > r3_cycles(LONG_YIELD_US)) {
			p->paused_until = now + r3_cycles(PAUSE_US);
			found = something_to_do(pending);
			break;
		}
	}
	/* Who came meanwhile did not signal. */
	if (__atomic_and_fetch(pending, ~R3_PEND_POLLING, __ATOMIC_ACQ_REL)) {
		this_cpu_write(r3_irq_pending, 1);
		found = true;
	}
	if (current_clr_polling_and_test())
		found = true;
	return found;
}

static void learn(struct idle_poll *p, u64 waited)
{
	if (waited > r3_cycles(POLL_MAX_US))
		p->limit /= 2;
	else if (waited > p->limit)
		p->limit = clamp(p->limit * 2, r3_cycles(POLL_MIN_US), r3_cycles(POLL_MAX_US));
	if (p->limit < r3_cycles(POLL_MIN_US))
		p->limit = 0;
}

void arch_cpu_idle(void)
{
	struct idle_poll *p = this_cpu_ptr(&idle_poll);
	u64 start = get_cycles();

	r3_handover_idle();
	if (!p->limit || !poll(p, start)) {
		r3_host_wait_irq(this_cpu_ptr(&r3_irq_pending), 0);
		if (r3_boot->tsc_khz)
			learn(p, get_cycles() - start);
	}
	raw_local_irq_enable();
#ifndef R3_OLD_IDLE
	raw_local_irq_disable();
#endif
}
