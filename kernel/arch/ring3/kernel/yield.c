// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who yields to whom on a host CPU, and when.
 *
 * A vCPU and its guest thread share a host CPU, and yield to each other: then
 * neither has to sleep and be woken. Where something else wants that CPU, a yield
 * gives it a whole time slice, so after a long one the vCPU sleeps instead for a
 * while: short if it was the only one, longer each time that it happens again.
 *
 * The guest thread yields only if the vCPU will come back to it. If it goes on
 * with another guest thread, or idles, sleep is better.
 *
 * Without what is learned of each call: dd bs=1 takes 1.30 times as long, read() of a byte 1.42, stat
 * 1.22; a pipe's round trip 0.96 and 1.27, signal 0.77 and 0.93 (docs/benchmarks.md).
 */
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/minmax.h>
#include <asm/yield.h>
#include <asm/timex.h>
#include <asm/slot.h>
#include <asm/host.h>

#define LONG_US		50	/* somebody else ran */
#define WORK_LONG_US	600	/* the same, if what was waited for is done */
#define DONE_US		10
#define SLEEP_SPINS	500	/* until a guest thread on another host CPU sleeps */
#define SLEEP_NS	20000	/* where yielding is no good */
#define PAUSE_US	50
#define PAUSE_MAX_US	5000
#define GOOD		64	/* short ones in a row: nobody else is there */

#define SCORE_YIELD	4
#define SCORE_LOSS	3
#define SCORE_MAX	7

struct yield {
	u64 after;		/* TSC cycles */
	unsigned int pause_us;
	unsigned int good;	/* short ones since a long one */
	unsigned int before_us;	/* pause_us before the last long one */
	u64 took;		/* that one, in cycles */
	bool apart;		/* guest threads are on another host CPU */
	u32 elsewhere;		/* often the vCPU went to another slot, or idled */
};

static DEFINE_PER_CPU(struct yield, yields);

/*
 * Lets what waits on the same host CPU run, if that is likely to be for a short
 * while. Returns false if it did nothing. If it waits for user code, slot says
 * whether that has stopped. Interrupts are off.
 */
bool r3_hand_over(const struct r3_slot *slot)
{
	struct yield *y = this_cpu_ptr(&yields);
	u64 before = get_cycles(), after;

	if (!r3_boot->tsc_khz) {
		r3_host_yield();
		return true;
	}
	if (before < y->after)
		return false;
	r3_host_yield();
	after = get_cycles();
	if (likely(after - before <= r3_cycles(LONG_US)) ||
	    (slot && r3_slot_stopped(slot) && after - before <= r3_cycles(WORK_LONG_US))) {
		if (++y->good == GOOD)
			y->pause_us = 0;
		return true;
	}
	y->good = 0;
	y->took = after - before;
	y->before_us = y->pause_us;
	y->pause_us = clamp(y->pause_us * 2, PAUSE_US, PAUSE_MAX_US);
	y->after = after + r3_cycles(y->pause_us);
	return true;
}

/* The vCPU is on another host CPU than its guest threads, or is back. */
void r3_yield_apart(bool apart)
{
	this_cpu_write(yields.apart, apart);
}

/* Gives a guest thread the time to go to sleep. Interrupts are off. */
void r3_yield_settle(const struct r3_slot *slot)
{
	static u32 never;
	unsigned int i;

	if (this_cpu_read(yields.apart)) {
		for (i = 0; i < SLEEP_SPINS && !r3_slot_sleeps(slot); i++)
			cpu_relax();
	} else if (!r3_hand_over(NULL)) {
		r3_host_futex_wait_ns(&never, 0, SLEEP_NS);
	}
}

/* The last one was for a manager, and its work is done: then nobody else took the time. */
void r3_hand_over_worked(void)
{
	struct yield *y = this_cpu_ptr(&yields);

	if (y->took && y->took <= r3_cycles(WORK_LONG_US)) {
		y->after = 0;
		y->pause_us = y->before_us;
	}
	y->took = 0;
}

/* Was what somebody was to do by then done at once, as of this time in cycles? */
bool r3_was_done(u64 since)
{
	return get_cycles() - since < r3_cycles(DONE_US);
}

/* The vCPU goes on with another guest thread, or with none. */
void r3_yield_elsewhere(void)
{
	this_cpu_inc(yields.elsewhere);
}

/* What to tell r3_yield_leave(). */
u64 r3_yield_enter(void)
{
	return (u64)smp_processor_id() << 32 | this_cpu_read(yields.elsewhere);
}

/*
 * The rewritten call that came with enter returns: what a thread does after each
 * of its calls it mostly does again.
 */
void r3_yield_leave(unsigned int site, u64 enter, bool learn)
{
	struct r3_habit *habit = &current->thread.habit;
	u8 *score = &habit->score[habit->last];

	if (learn && r3_yield_enter() != enter)
		*score = max_t(u8, *score, SCORE_LOSS) - SCORE_LOSS;
	else if (learn && *score < SCORE_MAX)
		(*score)++;
	habit->last = site % R3_HABITS;
}

/*
 * Will the vCPU come back to this thread once it has taken the next call? Where
 * vCPUs share a host CPU nobody knows who would run.
 */
bool r3_yield_likely_back(void)
{
	const struct r3_habit *habit = &current->thread.habit;

	return r3_vcpus_apart && habit->score[habit->last] >= SCORE_YIELD;
}
