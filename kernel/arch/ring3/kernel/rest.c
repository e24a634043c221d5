// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rests for the sake of a vCPU that does not get on.
 *
 * A vCPU may wait for something that the host does not run: the manager of a
 * space, or a thread of the host's kernel that holds a lock which the manager,
 * or the vCPU itself, needs. If it is the guest's own other threads that run
 * instead, and the host's scheduler does not see to it by itself (Linux 6.18
 * leaves threads of other groups without a host CPU for minutes, see
 * docs/port/debugging.md), then the guest can: all its vCPUs stop their user
 * code and sleep for a moment.
 *
 * That it is so is seen from a vCPU's timer that is long overdue, by the next
 * vCPU's tick, and by who waits for a manager itself, if it takes interrupts.
 */
#include <linux/percpu.h>
#include <linux/cpumask.h>
#include <linux/smp.h>
#include <linux/time64.h>
#include <linux/sched/clock.h>
#include <linux/interrupt.h>
#include <linux/seq_file.h>
#include <asm/host.h>
#include <asm/rest.h>

#define OVERDUE_NS	(500ULL * NSEC_PER_MSEC)
#define REST_NS		(10ULL * NSEC_PER_MSEC)
#define AGAIN_NS	(300ULL * NSEC_PER_MSEC)

static u64 rest_until;		/* sched_clock() */
static DEFINE_PER_CPU(unsigned int, rests);

static u64 rest_left(void)
{
	s64 left = READ_ONCE(rest_until) - sched_clock();

	return left > 0 ? left : 0;
}

bool r3_rest_wanted(void)
{
	return rest_left();
}

/* Sleeps as long as it is time to. User code does not run, interrupts are off. */
void r3_rest(void)
{
	static u32 never;
	u64 left;

	if (rest_left())
		this_cpu_inc(rests);
	while ((left = rest_left()))
		r3_host_futex_wait_ns(&never, 0, left);
}

static void all_rest(u64 now)
{
	u64 last = READ_ONCE(rest_until);
	unsigned int cpu;

	if (now < last + AGAIN_NS || cmpxchg(&rest_until, last, now + REST_NS) != last)
		return;
	for_each_online_cpu(cpu)
		r3_post_vcpu(cpu, R3_PEND_REST);
}

void r3_rest_for_waiter(u64 since)
{
	u64 now = sched_clock();

	if (now > since + OVERDUE_NS)
		all_rest(now);
}

void r3_rest_for_next(void)
{
	unsigned int next = cpumask_next(smp_processor_id(), cpu_online_mask);
	u64 now = sched_clock(), due;

	if (next >= nr_cpu_ids)
		next = cpumask_first(cpu_online_mask);
	due = r3_timer_due(next);
	if (due && now > due + OVERDUE_NS)
		all_rest(now);
}

/* In /proc/interrupts. */
int arch_show_interrupts(struct seq_file *p, int prec)
{
	unsigned int cpu;

	seq_printf(p, "%*s: ", prec, "RST");
	for_each_online_cpu(cpu)
		seq_printf(p, "%10u ", per_cpu(rests, cpu));
	seq_puts(p, "  Rests for a vCPU that did not get on\n");
	return 0;
}
