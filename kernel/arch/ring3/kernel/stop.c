// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stopping user code that runs: its guest thread is kicked by the manager, again
 * after a while, and at last the process is ended. How long that may take is
 * counted from the first kick to the next event of the thread. Whatever that
 * event says, r3_user_loop() takes interrupts and does the work of returning to
 * user mode before it resumes the thread: that is all that a stop is for, so an
 * event that was forged is as good as a kick that was heard.
 */
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/clock.h>
#include <linux/cpumask.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/time64.h>
#include <asm/host.h>
#include <asm/mutation.h>
#include <asm/space.h>
#include "user.h"

/*
 * A guest thread that has not stopped this long after it was told to, see
 * refuses(): then it is looked at why, and at last that does not matter. Where
 * its manager acknowledges at once, that is before a soft lockup is reported.
 */
#define STOP_TIMEOUT_NS	(2ULL * NSEC_PER_SEC)
#define STOP_PATIENCE_NS (13ULL * NSEC_PER_SEC)
/* Of the host's time, in which any thread answers. */
#define STOP_RAN_NS	(50ULL * NSEC_PER_MSEC)

/* The time on the host of all threads of the space. */
static u64 time_used(struct r3_space *space)
{
	int pid = READ_ONCE(r3_zygote->space[space->id].pid);

	return r3_host_clock((~(unsigned int)pid << 3) | 2);	/* CPUCLOCK_SCHED */
}

/*
 * Does user code not stop because it does not want to? On a host that has much
 * else to do it may not have run at all, nor the manager, for seconds. So it
 * refuses if it sleeps though it was told to go on, or if it ran.
 */
static bool refuses(struct r3_stop *stop, struct r3_space *space, struct r3_slot *slot, u64 now)
{
	unsigned int others;

	if (!stop->looked) {
		/* Then the manager has woken and kicked it, however late that was. */
		spin_lock(&space->lock);
		r3_space_wait(space);
		spin_unlock(&space->lock);
		stop->looked = sched_clock();
		stop->used = time_used(space);
		return false;
	}
	if (now - stop->looked > STOP_PATIENCE_NS)
		return true;
	/* Who sleeps there in good faith has posted an event before. */
	if (r3_host_futex_wake(&slot->resume, 1) > 0 && !r3_slot_stopped(slot))
		return true;
	/* Which of a process's threads ran is not known, but how many can. */
	others = min_t(unsigned int, atomic_read(&current->mm->mm_users), num_online_cpus()) - 1;
	return time_used(space) > stop->used + others * (now - stop->looked) + STOP_RAN_NS;
}

static void kick(struct r3_space *space, struct r3_slot_info *info)
{
	spin_lock(&space->lock);
	r3_space_cmd(space, R3_OP_KICK, info->tid, 0, 0, 0);
	r3_space_ring(space);
	spin_unlock(&space->lock);
}

/* Tells it, again after a while. Returns false if it does not listen. */
bool r3_stop_press(struct r3_stop *stop, struct r3_space *space, struct r3_slot_info *info)
{
	u64 now = sched_clock();

	if (!stop->first)
		stop->first = now;
	if (now - stop->first > STOP_TIMEOUT_NS && !r3_mutation(R3_MUTATION_STOP) &&
	    refuses(stop, space, info->slot, now))
		return false;
	if (!stop->last || now - stop->last > R3_KICK_AGAIN_NS) {
		stop->last = now;
		kick(space, info);
	}
	return true;
}

/*
 * It has stopped. User code can read the ring, and what a thread's number is on
 * the host is not for it to know. A kick that has not been sent by now is of no
 * use any more: without a number the host refuses it.
 */
void r3_stop_end(struct r3_stop *stop, struct r3_space *space, struct r3_slot_info *info)
{
	unsigned int i;

	if (!stop->last)
		return;
	spin_lock(&space->lock);
	for (i = 0; i < R3_CMD_RING; i++) {
		struct r3_cmd *cmd = &space->cmd->cmd[i];

		if (cmd->op == R3_OP_KICK && cmd->arg == info->tid)
			WRITE_ONCE(cmd->arg, 0);
	}
	spin_unlock(&space->lock);
}

void r3_stop_give_up(struct r3_space *space)
{
	pr_warn("%s[%d]: user code does not answer, ending its space\n",
		current->comm, task_pid_nr(current));
	spin_lock(&space->lock);
	r3_space_cmd(space, R3_OP_EXIT, 0, 0, 0, 0);
	r3_space_ring(space);
	space->dying = true;
	spin_unlock(&space->lock);
}
