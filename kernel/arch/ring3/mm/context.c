// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which space an mm has: made, taken from those that wait, or given back. There
 * are no more than the guest's RAM allows for (R3_ADDRESS_SPACES()), so an mm is
 * counted when it is made and until no user code of it can run any more, whoever
 * still refers to it; who makes one too many gets -ENOMEM from fork() or exec().
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>
#include <asm/affinity.h>
#include <asm/host.h>
#include <asm/mmu_context.h>
#include <asm/mutation.h>
#include <asm/rewrite.h>
#include <asm/space.h>

#define TRIES	1000	/* a tick each, until spaces that were told to end have */

static struct r3_idle fresh = {
	.spaces = LIST_HEAD_INIT(fresh.spaces),
	.max = R3_FRESH_SPACES,
};

static atomic_t counted;

static bool count(struct mm_struct *mm)
{
	int max = R3_ADDRESS_SPACES(r3_boot->ram_size);

	/* The last are for who has to clean up. */
	if (atomic_read(&counted) >= max - max / 16 &&
	    !has_capability_noaudit(current, CAP_SYS_RESOURCE))
		return false;
	if (!atomic_add_unless(&counted, 1, max))
		return false;
	mm->context.counted = true;
	return true;
}

static void uncount(struct mm_struct *mm)
{
	if (xchg(&mm->context.counted, false))
		atomic_dec(&counted);
}

int init_new_context(struct task_struct *tsk, struct mm_struct *mm)
{
	mm->context.space = NULL;
	mm->context.stale = 0;
	RCU_INIT_POINTER(mm->context.rewrite, NULL);
	memset(mm->context.retired, 0, sizeof(mm->context.retired));
	mm->context.seen = NULL;
	mm->context.forked = NULL;
	mm->context.child_of = NULL;
	mm->context.pins = false;
	mm->context.noting = 0;
	mm->context.no_rewrite = false;
	mm->context.fresh = true;
	mm->context.counted = false;
	if (count(mm)) {
		/* Of a fork: the parent's pages are copied from now on. */
		if (tsk != current && current->mm)
			r3_fork_begin(current->mm, mm);
		return 0;
	}
	pr_warn_ratelimited("ring3: no more address spaces: give the guest more memory\n");
	return -ENOMEM;
}

/*
 * Has the manager work where the vCPU is that will wait for it: one that sleeps
 * on another host CPU takes longer to wake than its work takes. Interrupts are off.
 */
void r3_space_place(struct r3_space *space, unsigned int cpu, bool shared)
{
	int place = shared ? R3_PLACED_EVERYWHERE : cpu;
	unsigned int i;

	if (space->placed == place || !r3_vcpus_apart)
		return;
	if (r3_affinity_home() < 0) {
		space->placed = place;
		return;
	}
	spin_lock(&space->lock);
	memset(space->cmd->place, 0, sizeof(space->cmd->place));
	for (i = 0; i < r3_boot->nr_cpus; i++) {
		int home = r3_affinity_home_of(i);

		if ((shared || i == cpu) && home >= 0)
			__set_bit(home % (R3_MAX_HOST_CPU + 1),
				  (unsigned long *)space->cmd->place);
	}
	space->placed = place;
	r3_space_cmd(space, R3_OP_PLACE, 0, 0, 0, 0);
	spin_unlock(&space->lock);
}

/* Asks for spaces that the next ones will not have to wait for. */
static void make_fresh(void)
{
	while (READ_ONCE(fresh.nr) < fresh.max) {
		struct r3_space *space = r3_space_new();

		if (IS_ERR(space))
			return;
		if (!r3_idle_add(&fresh, space)) {
			r3_space_end(space);
			return;
		}
	}
}

/* Each mm that is counted gets one, once others have ended that were told to. */
static struct r3_space *new_space(void)
{
	struct r3_space *space = r3_space_new();
	unsigned int i;

	for (i = 0; space == ERR_PTR(-EAGAIN) && i < TRIES; i++) {
		if (fatal_signal_pending(current))
			break;
		schedule_timeout_uninterruptible(1);
		space = r3_space_new();
	}
	return space;
}

static void set_mm(struct r3_space *space, struct mm_struct *mm)
{
	unsigned long flags;

	spin_lock_irqsave(&space->lock, flags);
	space->mm = mm;
	spin_unlock_irqrestore(&space->lock, flags);
}

static void give_back(struct r3_space *space)
{
	set_mm(space, NULL);
	r3_space_end(space);
}

/* The mm's space, found for it if it has none. May sleep. */
struct r3_space *r3_space_get(struct mm_struct *mm)
{
	struct r3_space *space = READ_ONCE(mm->context.space), *other;
	unsigned long flags;

	if (space)
		return space;
	space = r3_space_unpark();
	if (!space)
		space = r3_idle_take(&fresh);
	if (!space)
		space = new_space();
	if (IS_ERR(space))
		return space;
	/* Not when it was made: it may have been in the list for long. */
	local_irq_save(flags);
	r3_space_place(space, smp_processor_id(), false);
	local_irq_restore(flags);
	set_mm(space, mm);
	other = cmpxchg(&mm->context.space, NULL, space);
	if (other) {
		give_back(space);
		return other;
	}
	make_fresh();
	return space;
}

/**
 * r3_space_leave - no user code of an mm runs any more, nor ever will
 *
 * Its space goes here, not with the last reference to the mm: user code can have
 * as many of those as it has descriptors (/proc/PID/mem).
 */
void r3_space_leave(struct mm_struct *mm)
{
	struct r3_space *space = READ_ONCE(mm->context.space);
	unsigned long flags;

	if (space) {
		/*
		 * The VMAs can be found still, and pages be taken from them: whoever
		 * flushes waits for the lock, and finds no space only when nothing is
		 * mapped there any more.
		 */
		if (r3_mutation(R3_MUTATION_LEAVE))
			WRITE_ONCE(mm->context.space, NULL);
		spin_lock_irqsave(&space->lock, flags);
		r3_space_retire(space);
		space->mm = NULL;
		WRITE_ONCE(mm->context.space, NULL);
		spin_unlock_irqrestore(&space->lock, flags);
		if (!r3_space_park(space))
			r3_space_end(space);
	}
	uncount(mm);
}

void destroy_context(struct mm_struct *mm)
{
	r3_space_leave(mm);
	r3_rewrite_free(mm);
	r3_forked_free(mm);
}

static bool lost_its_space(struct task_struct *p)
{
	struct task_struct *t = find_lock_task_mm(p);
	bool lost;

	if (!t)
		return false;
	lost = t->mm->context.space && READ_ONCE(t->mm->context.space->dead);
	task_unlock(t);
	return lost;
}

/* Whoever is blocked in the kernel would not notice that its space is gone. */
static void kill_spaceless(struct work_struct *work)
{
	struct task_struct *p;

	rcu_read_lock();
	for_each_process(p) {
		if ((p->flags & PF_KTHREAD) || !lost_its_space(p))
			continue;
		/* No signal ends PID 1, and no system goes on without it. */
		if (is_global_init(p))
			panic("ring3: the host ended the space of PID 1");
		do_send_sig_info(SIGKILL, SEND_SIG_PRIV, p, PIDTYPE_TGID);
	}
	rcu_read_unlock();
}
static DECLARE_WORK(kill_work, kill_spaceless);

static void lose(void)
{
	schedule_work(&kill_work);
}

static int __init watch_spaces(void)
{
	r3_space_on_loss(lose);
	return 0;
}
early_initcall(watch_spaces);
