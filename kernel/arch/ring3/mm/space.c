// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spaces: host processes that stand for an mm. The zygote makes them on
 * request, their manager thread does what the command page says. Commands are
 * queued under the space's lock and published by r3_space_ring(); making a
 * page less accessible is over only when r3_space_sync() has returned.
 *
 * A space serves one mm at a time. Most end with it; some are kept for others
 * (mm/recycle.c), and a few fresh ones are kept ready as well.
 */
#include <linux/slab.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/mm.h>
#include <linux/oom.h>
#include <linux/workqueue.h>
#include <asm/host.h>
#include <asm/space.h>
#include <asm/fpu.h>
#include <asm/mmu_context.h>
#include <asm/rewrite.h>
#include <asm/yield.h>

#define POOL_SIZE	4

static DEFINE_SPINLOCK(spaces_lock);
static struct r3_space *space_by_id[R3_MAX_SPACES];
static struct r3_space *pool[POOL_SIZE];
static unsigned int pooled;
static u32 first_free;			/* no lower entry is free */
static unsigned int slot_order;		/* pages of a slot, as an order */
unsigned int r3_stack_start __ro_after_init;

/* How many mappings a host process may have is not ours to ask; the host says
 * no when it is too many, and then max_maps shrinks. */
#define MAPS_AT_FIRST	50000

void __init r3_space_init(void)
{
	/* Vector state; frame and what the handler needs, with room for the red zone. */
	unsigned long need;

	r3_stack_start = R3_SLOT_FP + ALIGN(r3_fpframe_size, 64);
	need = r3_stack_start + r3_fpframe_size + 1536;
	slot_order = get_order(need);
}

static u32 state_of(struct r3_space *space)
{
	return smp_load_acquire(&r3_zygote->space[space->id].state);
}

void r3_space_ring(struct r3_space *space)
{
	if (space->head == space->rung)
		return;
	space->rung = space->head;
	smp_store_release(&space->cmd->head, space->head);
	r3_host_futex_wake(&space->cmd->head, 1);
}

/*
 * A manager may have acknowledged after we looked and before it died. That
 * must not count for another space: the counter is made readable, and read.
 */
static void drain_acks(unsigned int cpu)
{
	u64 val = R3_ACK_DEATH;

	r3_host_write(r3_boot->vcpu[cpu].ack_fd, &val, sizeof(val));
	while (r3_host_read(r3_boot->vcpu[cpu].ack_fd, &val, sizeof(val)) == -EINTR)
		;
}

static int wait_ack(struct r3_space *space)
{
	unsigned int cpu = smp_processor_id();
	u64 val;

	/* On one host CPU the manager gets done what there is, then reading
	 * need not sleep. */
	if (r3_vcpus_apart && space->placed == cpu)
		r3_hand_over(NULL);
	for (;;) {
		long ret = r3_host_read(r3_boot->vcpu[cpu].ack_fd, &val, sizeof(val));

		if (ret == sizeof(val)) {
			if (val & R3_ACK_OK) {
				if (val & (R3_ACK_FAILED & ~R3_ACK_OK))
					space->failed = true;
				return 0;
			}
		} else if (ret != -EINTR) {
			panic("ring3: cannot read acknowledgements (error %ld)", ret);
		}
		if (state_of(space) >= R3_SPACE_FAILED) {
			space->dead = true;
			drain_acks(cpu);
			return -ESRCH;
		}
	}
}

static void put_cmd(struct r3_space *space, u32 op, u32 arg, unsigned long addr,
		    unsigned long len, unsigned long off)
{
	struct r3_cmd *cmd = &space->cmd->cmd[space->pos];

	cmd->op = op;
	cmd->arg = arg;
	cmd->addr = addr;
	cmd->len = len;
	cmd->off = off;
	space->head++;
	/* As the manager counts: head may wrap, the ring is no power of two. */
	if (++space->pos == R3_CMD_RING)
		space->pos = 0;
}

/* Has the manager acknowledge all commands so far. */
static int wait_done(struct r3_space *space)
{
	int ret;

	if (space->dead)
		return -ESRCH;
	put_cmd(space, R3_OP_ACK, r3_boot->vcpu[smp_processor_id()].space_ack_fd, 0, 0, 0);
	r3_space_ring(space);
	ret = wait_ack(space);
	space->acked = space->head;
	return ret;
}

/* What the host refused stays noted for who can act on it: see C6. */
int r3_space_wait(struct r3_space *space)
{
	return wait_done(space);
}

/* Two places are kept for an acknowledgement and what follows it. */
static void make_room(struct r3_space *space)
{
	if (space->head - space->acked >= R3_CMD_RING - 2)
		wait_done(space);
}

void r3_space_cmd(struct r3_space *space, u32 op, u32 arg, unsigned long addr,
		  unsigned long len, unsigned long off)
{
	make_room(space);
	put_cmd(space, op, arg, addr, len, off);
}

int r3_space_sync(struct r3_space *space)
{
	int ret = wait_done(space);

	if (!ret && space->failed) {
		space->failed = false;
		space->refused = true;
		space->max_maps = max(space->nr_maps / 2, 64U);
		ret = -ENOMEM;
	}
	return ret;
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

static int want_space(struct r3_space *space)
{
	struct r3_zygote *z = r3_zygote;
	u32 id;

	/* The lowest free one: the monitor searches the table from its start. */
	for (id = first_free; id < R3_MAX_SPACES && space_by_id[id]; id++)
		;
	if (id == R3_MAX_SPACES)
		return -EAGAIN;
	if (z->want_head - READ_ONCE(z->want_tail) >= R3_ZYGOTE_RING)
		return -EAGAIN;
	first_free = id + 1;
	if (z->limit <= id)
		WRITE_ONCE(z->limit, id + 1);
	space->id = id;
	space_by_id[id] = space;
	z->space[id].cmd_gpa = __pa(space->cmd);
	z->space[id].pid = 0;
	smp_store_release(&z->space[id].state, R3_SPACE_WANTED);
	z->want[z->want_head % R3_ZYGOTE_RING] = id;
	smp_store_release(&z->want_head, z->want_head + 1);
	r3_host_futex_wake(&z->want_head, 1);
	return 0;
}

static void free_slots(struct rcu_head *rcu)
{
	struct r3_space *space = container_of(rcu, struct r3_space, rcu);
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		if (!space->slots[cpu])
			continue;
		free_pages((unsigned long)space->slots[cpu]->slot, slot_order);
		kfree(space->slots[cpu]);
	}
	kfree(space);
}

static void free_space(struct r3_space *space)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		if (space->slots[cpu])
			r3_slot_forget(cpu, space->slots[cpu]);
	}
	free_page((unsigned long)space->cmd);
	/* A vCPU that looks at it just now has interrupts off. */
	call_rcu(&space->rcu, free_slots);
}

/* Its process has ended, or never was. The lists' lock is held. */
static void forget_space(struct r3_space *space)
{
	space_by_id[space->id] = NULL;
	first_free = min(first_free, space->id);
	r3_zygote->space[space->id].state = R3_SPACE_FREE;
	free_space(space);
}

static struct r3_space *new_space(void)
{
	struct r3_space *space = kzalloc(sizeof(*space), GFP_KERNEL);
	unsigned long flags;
	int err;

	if (!space)
		return ERR_PTR(-ENOMEM);
	space->cmd = (void *)get_zeroed_page(GFP_KERNEL);
	if (!space->cmd) {
		kfree(space);
		return ERR_PTR(-ENOMEM);
	}
	spin_lock_init(&space->lock);
	space->max_maps = MAPS_AT_FIRST;
	space->lo = R3_TASK_SIZE;
	space->placed = r3_boot->nr_cpus == 1 ? 0 : R3_PLACED_NOWHERE;
	space->cmd->stack_size = PAGE_SIZE << slot_order;
	space->cmd->stack_start = r3_stack_start;

	spin_lock_irqsave(&spaces_lock, flags);
	err = want_space(space);
	spin_unlock_irqrestore(&spaces_lock, flags);
	if (err) {
		free_space(space);
		return ERR_PTR(err);
	}
	return space;
}

/* The oldest: the zygote has made it. */
static struct r3_space *take_fresh(void)
{
	struct r3_space *space = NULL;
	unsigned long flags;

	spin_lock_irqsave(&spaces_lock, flags);
	if (pooled) {
		space = pool[0];
		memmove(pool, pool + 1, --pooled * sizeof(pool[0]));
	}
	spin_unlock_irqrestore(&spaces_lock, flags);
	return space;
}

/* Asks for spaces that the next ones will not have to wait for. */
static void make_fresh(void)
{
	while (READ_ONCE(pooled) < POOL_SIZE) {
		struct r3_space *space = new_space();
		unsigned long flags;
		bool full;

		if (IS_ERR(space))
			return;
		spin_lock_irqsave(&spaces_lock, flags);
		full = pooled == POOL_SIZE;
		if (!full)
			pool[pooled++] = space;
		spin_unlock_irqrestore(&spaces_lock, flags);
		if (full) {
			r3_space_put(space);
			return;
		}
	}
}

/* The mm's space, made or taken from the pool if it has none. May sleep. */
struct r3_space *r3_space_get(struct mm_struct *mm)
{
	struct r3_space *space = READ_ONCE(mm->context.space), *other;
	unsigned long flags;

	if (space)
		return space;
	spin_lock_irqsave(&spaces_lock, flags);
	space = r3_space_used();
	spin_unlock_irqrestore(&spaces_lock, flags);
	if (!space)
		space = take_fresh();
	if (!space)
		space = new_space();
	if (IS_ERR(space))
		return space;
	/* Not when it was made: it may have been in the pool for long. */
	local_irq_save(flags);
	r3_space_place(space, smp_processor_id(), false);
	local_irq_restore(flags);
	other = cmpxchg(&mm->context.space, NULL, space);
	if (other) {
		r3_space_put(space);
		return other;
	}
	make_fresh();
	return space;
}

/* The guest thread for a vCPU. Its pages are mapped before it is started. */
struct r3_slot_info *r3_space_slot(struct r3_space *space, unsigned int cpu)
{
	struct r3_slot_info *info = READ_ONCE(space->slots[cpu]);
	unsigned long flags;

	if (info)
		return info;
	info = kzalloc(sizeof(*info), GFP_KERNEL);
	if (!info)
		return ERR_PTR(-ENOMEM);
	info->slot = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, slot_order);
	if (!info->slot) {
		kfree(info);
		return ERR_PTR(-ENOMEM);
	}
	info->size = PAGE_SIZE << slot_order;
	r3_slot_begin(info->slot);

	spin_lock_irqsave(&space->lock, flags);
	if (space->slots[cpu]) {
		spin_unlock_irqrestore(&space->lock, flags);
		free_pages((unsigned long)info->slot, slot_order);
		kfree(info);
		return space->slots[cpu];
	}
	r3_space_cmd(space, R3_OP_MAP, 3 /* read, write */, R3_STUB_SLOTS + cpu * R3_SLOT_STRIDE,
		     info->size, __pa(info->slot));
	smp_store_release(&space->slots[cpu], info);
	spin_unlock_irqrestore(&space->lock, flags);
	return info;
}

/* No mm uses the space any more. */
void r3_space_put(struct r3_space *space)
{
	unsigned long flags;
	bool kept;

	if (r3_space_park(space)) {
		spin_lock_irqsave(&spaces_lock, flags);
		kept = state_of(space) < R3_SPACE_FAILED && r3_space_keep(space);
		spin_unlock_irqrestore(&spaces_lock, flags);
		if (kept)
			return;
	}

	spin_lock_irqsave(&space->lock, flags);
	if (!space->dead) {
		/* Guest memory is out of its reach before anybody reuses it. */
		space->dying = true;
		if (space->hi)
			r3_space_drop(space);
		r3_space_cmd(space, R3_OP_EXIT, 0, 0, 0, 0);
		r3_space_ring(space);
	}
	spin_unlock_irqrestore(&space->lock, flags);

	spin_lock_irqsave(&spaces_lock, flags);
	if (state_of(space) >= R3_SPACE_FAILED)
		forget_space(space);
	else
		space->orphan = true;	/* r3_space_reap() frees it */
	spin_unlock_irqrestore(&spaces_lock, flags);
}

void destroy_context(struct mm_struct *mm)
{
	struct r3_space *space = mm->context.space;

	mm->context.space = NULL;
	if (space)
		r3_space_put(space);
	r3_rewrite_free(mm);
	r3_forked_free(mm);
}

/*
 * Drops all mappings but none of the tables: they come back by faults. The
 * space's lock is held. One unmapping of everything splits nothing: a host
 * that refuses even that cannot keep guest processes apart.
 */
void r3_space_drop(struct r3_space *space)
{
	unsigned int tries = 0;

	space->nr_maps = 0;
	space->site_table = false;
	space->lo = R3_TASK_SIZE;
	space->hi = 0;
	do {
		r3_space_cmd(space, R3_OP_UNMAP, 0, 0, R3_TASK_SIZE, 0);
		/* The first time it may be an earlier command that failed. */
	} while (r3_space_sync(space) == -ENOMEM && ++tries < 2);
	if (tries == 2)
		panic("ring3: the host does not unmap a guest process's memory: raise vm.max_map_count");
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

static void space_died(u32 id)
{
	struct r3_space *space = space_by_id[id];
	unsigned int i;

	/* The number may have gone to another space since. */
	if (!space || state_of(space) < R3_SPACE_FAILED)
		return;
	for (i = 0; i < pooled; i++) {
		if (pool[i] == space) {
			pool[i] = pool[--pooled];
			space->orphan = true;
			break;
		}
	}
	if (space->orphan || r3_space_unkeep(space)) {
		forget_space(space);
		return;
	}
	if (state_of(space) == R3_SPACE_FAILED)
		pr_err("ring3: the host allows no more processes (error %d): raise ulimit -u\n",
		       -r3_zygote->space[id].pid);
	else if (!space->dying)
		pr_err("ring3: the host ended a guest process's space (host pid %d)\n",
		       r3_zygote->space[id].pid);
	space->dead = true;
	schedule_work(&kill_work);
}

/* Interrupt: the monitor reaped spaces. */
void r3_space_reap(void)
{
	struct r3_zygote *z = r3_zygote;
	unsigned long flags;

	spin_lock_irqsave(&spaces_lock, flags);
	while (z->dead_tail != smp_load_acquire(&z->dead_head)) {
		u32 id = z->dead[z->dead_tail % R3_ZYGOTE_RING];

		smp_store_release(&z->dead_tail, z->dead_tail + 1);
		if (id < R3_MAX_SPACES)
			space_died(id);
	}
	spin_unlock_irqrestore(&spaces_lock, flags);
}
