// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forced yields: all vCPUs leave the host's CPUs for a moment when one of them
 * makes no progress.
 *
 * A vCPU may wait for something that the host does not run: the manager of a
 * space, or a thread of the host's kernel that holds a lock which the manager,
 * or the vCPU itself, needs. If it is the guest's own other threads that run
 * instead, and the host's scheduler does not see to it by itself (Linux 6.18
 * leaves threads of other groups without a host CPU for a minute and more, see
 * docs/port/debugging.md), then the guest can: all its vCPUs stop their user
 * code and sleep for a moment.
 *
 * That it is so is seen from a vCPU's timer that is long overdue: interrupts are
 * off where it waits. Each tick of the others checks one vCPU in turn. With a
 * forced yield of 10 ms every 310 at most, a process that holds up its own vCPU
 * takes no more than that from the others.
 */
#include <linux/percpu.h>
#include <linux/cpumask.h>
#include <linux/smp.h>
#include <linux/time64.h>
#include <linux/sched/clock.h>
#include <linux/interrupt.h>
#include <linux/seq_file.h>
#include <asm/host.h>
#include <asm/forced_yield.h>

#define OVERDUE_NS	(500ULL * NSEC_PER_MSEC)
#define YIELD_NS		(10ULL * NSEC_PER_MSEC)
#define AGAIN_NS	(300ULL * NSEC_PER_MSEC)

static u64 yield_until;		/* sched_clock() */
static DEFINE_PER_CPU(unsigned int, forced_yields);
static DEFINE_PER_CPU(unsigned int, checked);

static u64 yield_left(void)
{
	s64 left = READ_ONCE(yield_until) - sched_clock();

	return left > 0 ? left : 0;
}

bool r3_forced_yield_wanted(void)
{
	return yield_left();
}

void r3_forced_yield(void)
{
	static u32 never;
	u64 left;

	if (yield_left())
		this_cpu_inc(forced_yields);
	while ((left = yield_left()))
		r3_host_futex_wait_ns(&never, 0, left);
}

static void force_all(u64 now)
{
	u64 last = READ_ONCE(yield_until);
	unsigned int cpu;

	if (now < last + AGAIN_NS || cmpxchg(&yield_until, last, now + YIELD_NS) != last)
		return;
	for_each_online_cpu(cpu)
		r3_post_vcpu(cpu, R3_PEND_FORCED_YIELD);
}

void r3_forced_yield_for_others(void)
{
	unsigned int cpu = cpumask_next(this_cpu_read(checked), cpu_online_mask);
	u64 now = sched_clock(), due;

	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_online_mask);
	this_cpu_write(checked, cpu);
	due = r3_timer_due(cpu);
	if (due && now > due + OVERDUE_NS)
		force_all(now);
}

/* In /proc/interrupts. */
int arch_show_interrupts(struct seq_file *p, int prec)
{
	unsigned int cpu;

	seq_printf(p, "%*s: ", prec, "FYD");
	for_each_online_cpu(cpu)
		seq_printf(p, "%10u ", per_cpu(forced_yields, cpu));
	seq_puts(p, "  Forced yields\n");
	return 0;
}
