// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spaces: host processes that stand for an mm. The zygote makes them on
 * request, their manager thread does what the command page says. Commands are
 * queued under the space's lock and published by r3_space_ring(); making a
 * page less accessible is over only when r3_space_sync() has returned.
 *
 * A space serves one mm at a time: mm/context.c says which.
 */
#include <linux/slab.h>
#include <linux/mm.h>
#include <asm/host.h>
#include <asm/space.h>
#include <asm/fpu.h>
#include <asm/timex.h>
#include <asm/yield.h>

static DEFINE_SPINLOCK(spaces_lock);	/* the table, and all lists of idle spaces */
static struct r3_space *space_by_id[R3_MAX_SPACES];
static u32 nr_ids __ro_after_init;	/* so many may exist at a time */
static u32 first_free;			/* no lower entry is free */
static void (*on_loss)(void);
static unsigned int slot_order;		/* pages of a slot, as an order */
unsigned int r3_stack_start __ro_after_init;

/* How many mappings a host process may have is not ours to ask; the host says
 * no when it is too many, and then max_maps shrinks. */
#define MAPS_AT_FIRST	50000
#define MAPS_AT_LEAST	64

/*
 * Each costs the host some 250 bytes, and user code next to nothing: an entry of a
 * page table that names the page of zeroes. So all spaces together have no more
 * than one for each KiB of RAM.
 */
static atomic_long_t all_maps;
static long max_all_maps __ro_after_init;

void __init r3_space_init(void)
{
	/* Vector state; frame and what the handler needs, with room for the red zone. */
	unsigned long need;

	r3_stack_start = R3_SLOT_FP + ALIGN(r3_fpframe_size, 64);
	need = r3_stack_start + r3_fpframe_size + 1536;
	slot_order = get_order(need);
	max_all_maps = r3_boot->ram_size >> 10;
	nr_ids = R3_SPACES(r3_boot->ram_size, r3_boot->nr_cpus);
}

/* Called, with interrupts off, when a space has ended that an mm still has. */
void r3_space_on_loss(void (*fn)(void))
{
	on_loss = fn;
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

/* Its process has ended, and has nothing mapped. */
static void set_dead(struct r3_space *space)
{
	r3_debug_space_gone(space);
	space->dead = true;
}

static int wait_ack(struct r3_space *space)
{
	unsigned int cpu = smp_processor_id();
	bool handed = false;
	u64 val, since;

	/* On one host CPU the manager gets done what there is, then reading
	 * need not sleep. */
	if (r3_vcpus_apart && space->placed == cpu)
		handed = r3_hand_over(NULL);
	since = get_cycles();
	/* Looked at before each read: the notice of its end may have come while another was waited for. */
	while (state_of(space) < R3_SPACE_FAILED) {
		long ret = r3_host_read(r3_boot->vcpu[cpu].ack_fd, &val, sizeof(val));

		if (ret == sizeof(val) && (val & R3_ACK_OK)) {
			bool failed = val & (R3_ACK_FAILED & ~R3_ACK_OK);

			if (handed && r3_was_done(since))
				r3_hand_over_worked();

			space->failed |= failed;
			r3_debug_space_acked(space, failed);
			return 0;
		}
		if (ret != sizeof(val) && ret != -EINTR)
			panic("ring3: cannot read acknowledgements (error %ld)", ret);
	}
	set_dead(space);
	drain_acks(cpu);
	return -ESRCH;
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
	r3_debug_space_cmd(space, op, addr, len, off);
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
		space->max_maps = max(space->nr_maps / 2, (u32)MAPS_AT_LEAST);
		ret = -ENOMEM;
	}
	return ret;
}

static int want_space(struct r3_space *space)
{
	struct r3_zygote *z = r3_zygote;
	u32 id;

	/* The lowest free one: the monitor searches the table from its start. */
	for (id = first_free; id < nr_ids && space_by_id[id]; id++)
		;
	if (id >= nr_ids)
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
	r3_debug_space_gone(space);
	atomic_long_sub(space->told_maps, &all_maps);
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

/* Asks the zygote for one. -EAGAIN: when others have ended there may be room. */
struct r3_space *r3_space_new(void)
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
	r3_debug_space_begin(space);

	spin_lock_irqsave(&spaces_lock, flags);
	err = want_space(space);
	spin_unlock_irqrestore(&spaces_lock, flags);
	if (err) {
		free_space(space);
		return ERR_PTR(err);
	}
	return space;
}

/* Returns false if there are enough there, or the space has ended. */
bool r3_idle_add(struct r3_idle *idle, struct r3_space *space)
{
	unsigned long flags;
	bool added;

	spin_lock_irqsave(&spaces_lock, flags);
	added = idle->nr < idle->max && state_of(space) < R3_SPACE_FAILED;
	if (added) {
		list_add_tail(&space->idle_entry, &idle->spaces);
		space->idle = idle;
		idle->nr++;
	}
	spin_unlock_irqrestore(&spaces_lock, flags);
	return added;
}

static void idle_remove(struct r3_space *space)
{
	list_del(&space->idle_entry);
	space->idle->nr--;
	space->idle = NULL;
}

/* The oldest, or NULL. */
struct r3_space *r3_idle_take(struct r3_idle *idle)
{
	struct r3_space *space;
	unsigned long flags;

	spin_lock_irqsave(&spaces_lock, flags);
	space = list_first_entry_or_null(&idle->spaces, struct r3_space, idle_entry);
	if (space)
		idle_remove(space);
	spin_unlock_irqrestore(&spaces_lock, flags);
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

/* Ends the process of a space that no mm uses. */
void r3_space_end(struct r3_space *space)
{
	unsigned long flags;

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

static void tell_maps(struct r3_space *space)
{
	atomic_long_add((long)space->nr_maps - space->told_maps, &all_maps);
	space->told_maps = space->nr_maps;
}

/* A quarter of what is left is for each: so there is always something left. */
bool r3_space_full(struct r3_space *space)
{
	long left;

	tell_maps(space);
	left = max_all_maps - atomic_long_read(&all_maps);
	return space->nr_maps > space->max_maps ||
	       (space->nr_maps > MAPS_AT_LEAST && space->nr_maps > left / 4);
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
	tell_maps(space);
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

static void space_died(u32 id)
{
	struct r3_space *space = space_by_id[id];

	/* The number may have gone to another space since. */
	if (!space || state_of(space) < R3_SPACE_FAILED)
		return;
	if (space->orphan || space->idle) {
		if (space->idle)
			idle_remove(space);
		forget_space(space);
		return;
	}
	if (state_of(space) == R3_SPACE_FAILED)
		pr_err("ring3: the host allows no more processes (error %d): raise ulimit -u\n",
		       -r3_zygote->space[id].pid);
	else if (!space->dying)
		/* User code can bring that about: by its stack pointer, in the host's signal stack. */
		pr_err_ratelimited("ring3: the host ended a guest process's space (host pid %d)\n",
				   r3_zygote->space[id].pid);
	set_dead(space);
	if (on_loss)
		on_loss();
}

/* Interrupt: the monitor reaped spaces. */
void r3_space_reap(void)
{
	struct r3_zygote *z = r3_zygote;
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&spaces_lock, flags);
	for (i = 0; i < DIV_ROUND_UP(z->limit, 64); i++) {
		u64 dead = READ_ONCE(z->dead[i]) ? xchg(&z->dead[i], 0) : 0;

		for (; dead; dead &= dead - 1)
			space_died(i * 64 + __ffs64(dead));
	}
	spin_unlock_irqrestore(&spaces_lock, flags);
}
