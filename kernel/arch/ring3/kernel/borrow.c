// SPDX-License-Identifier: GPL-2.0-only
/*
 * Borrowed CPUs: a vCPU that waits for its guest thread on a host CPU of its own.
 *
 * When user code has come back at once many times in a row and the host has a
 * CPU to spare, or another vCPU has nothing to run on its own, the vCPU moves
 * there and both spin: a system call then costs no context switch at all. It
 * comes home as soon as spinning did not pay: user code ran for long, the kernel
 * did, the vCPU has something else to run, or somebody else wanted that CPU. The
 * next try comes later each time.
 *
 * Without it dd bs=1 takes 7.7 times as long, a pipe's round trip 2.3, find 2.3 (docs/benchmarks.md).
 */
#include <linux/sched.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <linux/minmax.h>
#include <asm/yield.h>
#include <asm/timex.h>
#include <asm/slot.h>
#include <asm/traps.h>
#include <asm/host.h>
#include "handover.h"

#define STREAK		200	/* quick returns in a row */
#define QUICK_US	20	/* who sleeps meanwhile, and is woken, included */
#define SPIN_US		15	/* for user code to come back */
#define SETTLE_US	300	/* for both to get there: it may sleep still */
#define GAP_US		30	/* between two polls: somebody else ran */
#define GUEST_SPINS	2000	/* of the guest thread, around 10 us */
#define GUEST_TURNS	8	/* then, at which others run */
#define LATE		10
#define LATE_MAX	50
/* Where several guest threads take turns one waits for long now and then: */
#define MIXED		500	/* quick returns since the last change, at most */
#define MIXED_TURNS	40
#define MIXED_LATE	2
#define WORTH		1000	/* quick returns that pay for the move */
#define TRY_AGAIN_US	1000
#define TRY_AGAIN_MAX_US 20000

struct handover {
	u64 away_after;		/* times in TSC cycles */
	u64 came;		/* to the spare CPU */
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

bool r3_handover_away(void)
{
	return this_cpu_read(handover.away);
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
	r3_yield_apart(false);
	give_back(h);
	h->streak = 0;
	if (h->quick > WORTH)
		h->again_us = TRY_AGAIN_US;
	else
		h->again_us = clamp(h->again_us * 2, TRY_AGAIN_US, TRY_AGAIN_MAX_US);
	h->away_after = now + r3_cycles(h->again_us);
	r3_affinity_move(vcpu->host_cpu);
}

/* The vCPU has nothing to run. */
void r3_handover_idle(void)
{
	r3_yield_elsewhere();
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
		h->away_after = now + r3_cycles(TRY_AGAIN_US);
		return;
	}
	if (r3_affinity_move(spare)) {
		give_back(h);
		h->away_after = now + r3_cycles(TRY_AGAIN_MAX_US);
		return;
	}
	h->away = true;
	r3_yield_apart(true);
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

/* The rewritten call that came with enter returns. */
void r3_handover_leave(unsigned int site, u64 enter)
{
	r3_yield_leave(site, enter, !this_cpu_read(handover.away));
}

/* Before user code is resumed on a slot. */
void r3_handover_begin(struct r3_slot_info *info)
{
	struct r3_slot_info *last = this_cpu_read(r3_slot_last);
	struct handover *h = this_cpu_ptr(&handover);
	unsigned int turns;

	if (unlikely(last != info)) {
		/* Who waits where this one is to run now would do so for long. */
		if (last && h->away) {
			WRITE_ONCE(last->slot->yield_request, 1);
			h->mixed = MIXED;
		}
		this_cpu_write(r3_slot_last, info);
		r3_yield_elsewhere();
	}
	if (unlikely(h->away && wanted_back(h)))
		r3_handover_home();
	if (h->streak >= STREAK && !h->away)
		go_away(h);
	if (unlikely(R3_SLOT_GET(info->slot, yield_request)))
		WRITE_ONCE(info->slot->yield_request, 0);
	if (!h->away) {
		h->began = get_cycles();
		WRITE_ONCE(info->slot->call_yield, r3_yield_likely_back());
	}
	/* Not for each call: the lines are the guest thread's. */
	turns = !h->away ? 0 : h->mixed ? MIXED_TURNS : GUEST_TURNS;
	if (unlikely(R3_SLOT_GET(info->slot, turns) != turns)) {
		WRITE_ONCE(info->slot->spins, h->away ? GUEST_SPINS : 1);
		WRITE_ONCE(info->slot->turns, turns);
	}
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
	end = max(last + r3_cycles(SPIN_US), h->came + r3_cycles(SETTLE_US));
	for (;;) {
		for (i = 0; i < 16; i++) {
			if (r3_slot_posted(slot) || this_cpu_read(r3_irq_pending))
				return true;
			asm volatile("lfence" ::: "memory");
		}
		if (wanted_back(h)) {
			r3_handover_home();
			return false;
		}
		now = get_cycles();
		if (now - last > r3_cycles(GAP_US) || now > end)
			break;
		last = now;
	}
	r3_handover_late();
	return false;
}

/* User code has stopped. */
void r3_handover_end(bool slept)
{
	struct handover *h = this_cpu_ptr(&handover);

	if (!h->away) {
		h->streak = get_cycles() - h->began < r3_cycles(QUICK_US) ? h->streak + 1 : 0;
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
