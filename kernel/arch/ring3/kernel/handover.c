// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a vCPU and its guest thread wait for each other.
 *
 * They share a host CPU, and at first yield to each other: then neither has to
 * sleep and be woken. Where something else wants that CPU, a yield gives it a
 * whole time slice, so after a long one the vCPU sleeps instead for a while:
 * short if it was the only one, longer each time that it happens again.
 *
 * When user code has come back at once many times in a row and the host has a
 * CPU to spare, or another vCPU has nothing to run on its own, the vCPU moves
 * there and both spin: a system call then costs no context switch at all. It
 * comes home as soon as spinning did not pay: user code ran for long, the kernel
 * did, the vCPU has something else to run, or somebody else wanted that CPU. The
 * next try comes later each time.
 */
#include <linux/sched.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/minmax.h>
#include <linux/init.h>
#include <linux/cache.h>
#include <ring3/poll.h>
#include <asm/handover.h>
#include <asm/timex.h>
#include <asm/space.h>
#include <asm/traps.h>
#include <asm/host.h>

#define YIELD_LONG_US	50	/* somebody else ran */
#define WORK_LONG_US	600	/* the same, if what was waited for is done */
#define YIELD_PAUSE_US	50
#define YIELD_PAUSE_MAX_US 5000
#define YIELDS_GOOD	64	/* short ones in a row: nobody else is there */

#define SCORE_YIELD	4
#define SCORE_LOSS	3
#define SCORE_MAX	7

#define STREAK		200	/* quick returns in a row */
#define QUICK_US	20	/* who sleeps meanwhile, and is woken, included */
#define SPIN_US		15	/* for user code to come back */
#define SETTLE_US	300	/* for both to get there: it may sleep still */
#define GAP_US		30	/* between two looks: somebody else ran */
#define GUEST_SPINS	2000	/* of the guest thread, around 10 us */
#define GUEST_TURNS	8	/* then, at which others run */
#define LATE		10
#define LATE_MAX	50
/* Where several guest threads take turns one waits for long now and then: */
#define MIXED		500	/* quick returns since the last change, at most */
#define MIXED_TURNS	40
#define MIXED_LATE	2
#define WORTH		1000	/* quick returns that pay for the way */
#define TRY_AGAIN_US	1000
#define TRY_AGAIN_MAX_US 20000

struct handover {
	u64 yield_after;	/* times in TSC cycles */
	unsigned int pause_us;
	unsigned int good;	/* short yields since a long one */
	u64 away_after;
	u64 came;		/* to the spare CPU */
	struct r3_slot_info *last;	/* that was resumed */
	u32 elsewhere;		/* often it went to another slot, or idled */
	unsigned int streak;
	u64 began;		/* the last run of user code, while not away */
	unsigned int late;	/* somebody slept: up by LATE, down by 1 when nobody did */
	unsigned int mixed;	/* quick returns for which guest threads count as taking turns */
	unsigned int quick;	/* returns without sleep, while away */
	unsigned int again_us;
	bool away;
	int lender;		/* while away: the vCPU whose host CPU it is, or -1 */
	unsigned int borrower;	/* vCPU + 1 that is on this one's host CPU, or 0; theirs */
};

static DEFINE_PER_CPU(struct handover, handover) = { .lender = -1 };

bool r3_vcpus_apart __ro_after_init;

static int __init check_host_cpus(void)
{
	unsigned int i, j;

	for (i = 0; i < r3_boot->nr_cpus; i++) {
		if (r3_boot->vcpu[i].host_cpu < 0)
			return 0;
		for (j = 0; j < i; j++) {
			if (r3_boot->vcpu[i].host_cpu == r3_boot->vcpu[j].host_cpu)
				return 0;
		}
	}
	r3_vcpus_apart = true;
	return 0;
}
early_initcall(check_host_cpus);

static u64 cycles(u64 us)
{
	return r3_boot->tsc_khz * us / 1000;
}

/*
 * Lets what waits on the same host CPU run, if that is likely to be for a short
 * while. Returns false if it did nothing. If it waits for user code, slot says
 * whether that has stopped. Interrupts are off, as in all of this.
 */
bool r3_hand_over(const struct r3_slot *slot)
{
	struct handover *h = this_cpu_ptr(&handover);
	u64 before = get_cycles(), after;

	if (!r3_boot->tsc_khz) {
		r3_host_yield();
		return true;
	}
	if (before < h->yield_after)
		return false;
	r3_host_yield();
	after = get_cycles();
	if (likely(after - before <= cycles(YIELD_LONG_US)) ||
	    (slot && r3_slot_stopped(slot) && after - before <= cycles(WORK_LONG_US))) {
		if (++h->good == YIELDS_GOOD)
			h->pause_us = 0;
		return true;
	}
	h->good = 0;
	h->pause_us = clamp(h->pause_us * 2, YIELD_PAUSE_US, YIELD_PAUSE_MAX_US);
	h->yield_after = after + cycles(h->pause_us);
	return true;
}

/* Is the vCPU whose host CPU this is not asleep, or about to be woken? */
static bool wanted_back(const struct handover *h)
{
	return h->lender >= 0 && (!idle_cpu(h->lender) || READ_ONCE(r3_boot->vcpu[h->lender].pending));
}

static void give_back(struct handover *h)
{
	if (h->lender >= 0)
		smp_store_release(&per_cpu(handover, h->lender).borrower, 0);
	h->lender = -1;
}

/* A host CPU where nothing of this guest runs, or -1. */
static int find_spare(struct handover *h)
{
	unsigned int cpu, self = smp_processor_id();

	if (r3_boot->vcpu[self].spare_cpu >= 0)
		return r3_boot->vcpu[self].spare_cpu;
	if (!r3_vcpus_apart)
		return -1;
	for_each_online_cpu(cpu) {
		struct handover *other = &per_cpu(handover, cpu);

		if (cpu == self || !idle_cpu(cpu) || cmpxchg(&other->borrower, 0, self + 1))
			continue;
		h->lender = cpu;
		if (!wanted_back(h))
			return r3_boot->vcpu[cpu].host_cpu;
		give_back(h);
	}
	return -1;
}

/* Back to the host CPU of the guest threads. */
void r3_handover_home(void)
{
	struct handover *h = this_cpu_ptr(&handover);
	struct r3_vcpu *vcpu = &r3_boot->vcpu[smp_processor_id()];
	u64 now = get_cycles();

	if (!h->away)
		return;
	h->away = false;
	give_back(h);
	h->streak = 0;
	if (h->quick > WORTH)
		h->again_us = TRY_AGAIN_US;
	else
		h->again_us = clamp(h->again_us * 2, TRY_AGAIN_US, TRY_AGAIN_MAX_US);
	h->away_after = now + cycles(h->again_us);
	r3_affinity_move(vcpu->host_cpu);
}

/* The vCPU has nothing to run. */
void r3_handover_idle(void)
{
	this_cpu_inc(handover.elsewhere);
	r3_handover_home();
}

static void go_away(struct handover *h)
{
	struct r3_vcpu *vcpu = &r3_boot->vcpu[smp_processor_id()];
	u64 now = get_cycles();
	int spare;

	if (vcpu->host_cpu < 0 || !r3_boot->tsc_khz || now < h->away_after)
		return;
	spare = find_spare(h);
	if (spare < 0) {
		h->away_after = now + cycles(TRY_AGAIN_US);
		return;
	}
	if (r3_affinity_move(spare)) {
		give_back(h);
		h->away_after = now + cycles(TRY_AGAIN_MAX_US);
		return;
	}
	h->away = true;
	h->late = 0;
	h->mixed = 0;
	h->quick = 0;
	h->came = get_cycles();
}

/* The guest thread had to be woken. */
void r3_handover_late(void)
{
	struct handover *h = this_cpu_ptr(&handover);

	h->late += h->mixed ? MIXED_LATE : LATE;
	if (h->late > LATE_MAX)
		r3_handover_home();
}

/*
 * Will the vCPU come back to this thread once it has taken the next call? Else
 * the guest thread does better to sleep at once than to yield.
 */
static bool likely_back(void)
{
	const struct r3_habit *habit = &current->thread.habit;

	return habit->score[habit->last] >= SCORE_YIELD;
}

/* What to tell r3_handover_leave(). */
u64 r3_handover_enter(void)
{
	return (u64)smp_processor_id() << 32 | this_cpu_read(handover.elsewhere);
}

/* The rewritten call that came with enter returns. */
void r3_handover_leave(unsigned int site, u64 enter)
{
	struct r3_habit *habit = &current->thread.habit;
	u8 *score = &habit->score[habit->last];

	if (!this_cpu_read(handover.away)) {
		if (r3_handover_enter() != enter)
			*score = max_t(u8, *score, SCORE_LOSS) - SCORE_LOSS;
		else if (*score < SCORE_MAX)
			(*score)++;
	}
	habit->last = site % R3_HABITS;
}

/* Before user code is resumed on a slot. */
void r3_handover_begin(struct r3_slot_info *info)
{
	struct handover *h = this_cpu_ptr(&handover);
	unsigned int turns;

	if (unlikely(h->last != info)) {
		/* Who waits where this one is to run now would do so for long. */
		if (h->last && h->away) {
			WRITE_ONCE(h->last->slot->yield_request, 1);
			h->mixed = MIXED;
		}
		h->last = info;
		h->elsewhere++;
	}
	if (unlikely(h->away && wanted_back(h)))
		r3_handover_home();
	if (h->streak >= STREAK && !h->away)
		go_away(h);
	if (unlikely(READ_ONCE(info->slot->yield_request)))
		WRITE_ONCE(info->slot->yield_request, 0);
	if (!h->away) {
		h->began = get_cycles();
		info->slot->call_yield = r3_vcpus_apart && likely_back();
	}
	/* Not for each call: the lines are the guest thread's. */
	turns = !h->away ? 0 : h->mixed ? MIXED_TURNS : GUEST_TURNS;
	if (unlikely(info->slot->turns != turns)) {
		WRITE_ONCE(info->slot->spins, h->away ? GUEST_SPINS : 1);
		WRITE_ONCE(info->slot->turns, turns);
	}
}

/*
 * The first look for an event, if user code runs on another host CPU: who looks too
 * early takes the line from the guest thread, which is about to write it. How long
 * to wait is found by trying, a little less if that was not too early, and for each
 * call: what a thread does after it, it mostly does again.
 */
void r3_handover_poll(struct r3_slot_info *info)
{
	struct r3_habit *habit = &current->thread.habit;
	struct r3_slot *slot = info->slot;
	unsigned int i;
	u16 *first;

	if (!this_cpu_read(handover.away))
		return;
	first = &habit->first[info->fast ? habit->last : R3_HABITS];
	for (i = *first / R3_POLL_LOOP; i; i--)
		asm volatile("lfence" ::: "memory");
	if (READ_ONCE(slot->event)) {
		if (*first >= R3_POLL_DOWN)
			*first -= R3_POLL_DOWN;
		return;
	}
	for (i = R3_POLL_MORE; i; i--) {
		asm volatile("lfence" ::: "memory");
		if (READ_ONCE(slot->event)) {
			if (*first < R3_POLL_MAX)
				*first += R3_POLL_UP;
			return;
		}
	}
	*first -= *first / 8;
}

/* Returns true if there may be something to do, false if spinning is over. */
bool r3_handover_spin(struct r3_slot *slot)
{
	struct handover *h = this_cpu_ptr(&handover);
	u64 end, now, last;
	unsigned int i;

	if (!h->away)
		return false;
	last = get_cycles();
	end = max(last + cycles(SPIN_US), h->came + cycles(SETTLE_US));
	for (;;) {
		for (i = 0; i < 16; i++) {
			if (READ_ONCE(slot->event) || this_cpu_read(r3_irq_pending))
				return true;
			asm volatile("lfence" ::: "memory");
		}
		if (wanted_back(h)) {
			r3_handover_home();
			return false;
		}
		now = get_cycles();
		if (now - last > cycles(GAP_US) || now > end)
			break;
		last = now;
	}
	r3_handover_late();
	return false;
}

/* The guest thread's slot is going to be freed, after an RCU grace period. */
void r3_handover_forget(unsigned int cpu, struct r3_slot_info *info)
{
	cmpxchg(&per_cpu(handover, cpu).last, info, NULL);
}

/* User code has stopped. */
void r3_handover_end(bool slept)
{
	struct handover *h = this_cpu_ptr(&handover);

	if (!h->away) {
		h->streak = get_cycles() - h->began < cycles(QUICK_US) ? h->streak + 1 : 0;
		return;
	}
	if (slept)
		return;
	h->quick++;
	if (h->mixed)
		h->mixed--;
	if (h->late)
		h->late--;
}
