// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adaptive polling, where user code runs on another host CPU than the vCPU: who
 * polls too early takes the cache line from the guest thread, which is about to
 * write it. How long to wait before the first poll is found by trying, a little
 * less if that was not too early, and for each call: what a thread does after it,
 * it mostly does again. The guest thread does the same for the vCPU (space/stub.S).
 *
 * Without it read() of a byte takes 1.65 times as long, stat 1.45, getppid 1.20; a futex's
 * round trip 0.71, a pipe's 0.79 (docs/benchmarks.md).
 */
#include <linux/sched.h>
#include <ring3/poll.h>
#include <asm/slot.h>
#include "handover.h"

void r3_handover_poll(struct r3_slot_info *info)
{
	struct r3_habit *habit = &current->thread.habit;
	struct r3_slot *slot = info->slot;
	unsigned int i;
	u16 *wait;

	if (!r3_handover_away())
		return;
	wait = &habit->wait[info->fast ? habit->last : R3_HABITS];
	for (i = *wait / R3_POLL_LOOP; i; i--)
		asm volatile("lfence" ::: "memory");
	if (r3_slot_posted(slot)) {
		if (*wait >= R3_POLL_DOWN)
			*wait -= R3_POLL_DOWN;
		return;
	}
	for (i = R3_POLL_MORE; i; i--) {
		asm volatile("lfence" ::: "memory");
		if (r3_slot_posted(slot)) {
			if (*wait < R3_POLL_MAX)
				*wait += R3_POLL_UP;
			return;
		}
	}
	*wait -= *wait / 8;
}
