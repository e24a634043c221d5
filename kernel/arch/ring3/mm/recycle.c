// SPDX-License-Identifier: GPL-2.0-only
/*
 * Spaces that serve a second address space.
 *
 * To make a process with two threads and their filters, and to end it, is most
 * of what a fork costs. But the guest thread of a used space has done what its
 * user wanted: it may be anywhere in user code or in the stub, with registers,
 * segments, signal mask and signal stack of its own choice. So a space is used
 * again only if it has one guest thread, and that is known to be asleep:
 *
 * 1. All user memory is unmapped and the slot is made read-only, acknowledged
 *    (retire()). From now on the thread can write nothing at all. A
 *    signal, whatever for, finds no stack and ends the process.
 * 2. The word it waits on is woken, and the host says that somebody was asleep
 *    there (reset()). Only this thread can be: nobody else has the slot
 *    mapped, the manager never waits there. Its filter lets it sleep from one
 *    instruction only, so it goes on behind that, with the word's address in
 *    RDI. That code writes nothing and jumps to the reset, or the process dies:
 *    by a trap flag, for instance.
 * 3. The reset sets flags, segments, bases and signal stack, and makes rt_sigreturn
 *    with a frame that the kernel has written and the space cannot: all registers
 *    and the signal mask are new then. It leads back to the same sleep.
 * 4. Before the space is given to another mm it is woken again, and again has
 *    to be found asleep (r3_space_unpark()): it has gone all the way. Only then
 *    may the slot be written again, and anything else be mapped.
 *
 * A thread that was told to stop by signal may have one pending. It stays blocked
 * until user code of the next mm runs, which then stops once for nothing. Spaces
 * where the host refused something are not used again.
 *
 * Without it a program started by bash takes 1.24 times as long, by perl 1.36, a fork 1.12 (docs/benchmarks.md).
 */
#include <linux/init.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/string.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <asm/yield.h>
#include <asm/space.h>
#include <asm/host.h>
#include <asm/fpu.h>
#include <asm/ptrace.h>
#include <asm/mutation.h>

/* By the vCPU of their only slot. */
static DEFINE_PER_CPU(struct r3_idle, parked);

/* The vCPU of the only slot, if the space may serve again, or -1. */
static int only_slot(struct r3_space *space)
{
	int cpu, only = -1;

	if (space->dead || space->dying || space->failed || space->refused)
		return -1;
	for_each_possible_cpu(cpu) {
		if (!space->slots[cpu])
			continue;
		if (only >= 0)
			return -1;
		only = cpu;
	}
	return only >= 0 && space->slots[only]->started ? only : -1;
}

/* Where it may poll or yield first, it is told not to. */
static bool soon_asleep(struct r3_slot *slot)
{
	unsigned int tries;

	for (tries = 0; !r3_slot_sleeps(slot) && tries < 3; tries++) {
		r3_slot_no_turns(slot);
		r3_yield_settle(slot);
	}
	return r3_slot_sleeps(slot);
}

/**
 * r3_space_retire - take all of its memory from a space
 *
 * Its slot, too, if that is all it needs to be parked. The space's lock is held.
 */
void r3_space_retire(struct r3_space *space)
{
	int cpu = only_slot(space);

	if (space->dead)
		return;
	if (cpu >= 0 && READ_ONCE(per_cpu(parked, cpu).nr) == per_cpu(parked, cpu).max)
		cpu = -1;
	/* It writes there until it says that it will sleep; who lies is ended. */
	if (cpu >= 0 && soon_asleep(space->slots[cpu]->slot)) {
		r3_space_cmd(space, R3_OP_PROTECT, PROT_READ, r3_slot_address(cpu),
			     space->slots[cpu]->size, 0);
		space->retired = true;
	}
	r3_space_drop(space);
}

/* What the reset needs, and nothing that was there. The slot is read-only. */
static void write_reset(struct r3_slot_info *info, unsigned int cpu)
{
	struct r3_slot *slot = info->slot;
	struct ucontext *uc = (void *)slot + R3_SLOT_RESET;
	struct sigcontext *sc = (struct sigcontext *)&uc->uc_mcontext;

	/* Never 0, not even for a moment: the thread would want to write. */
	WRITE_ONCE(slot->resume, R3_RESUME_RESET);
	WRITE_ONCE(slot->event, 0);
	memset((void *)slot + R3_SLOT_YIELD_REQUEST, 0, info->size - R3_SLOT_YIELD_REQUEST);
	r3_slot_begin(slot);
	slot->flags = X86_EFLAGS_IF;

	uc->uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	uc->uc_stack.ss_sp = (void __user *)(r3_slot_address(cpu) + r3_stack_start);
	uc->uc_stack.ss_size = info->size - r3_stack_start;
	*(u64 *)&uc->uc_sigmask = ~0ULL;
	sc->sp = 0;
	sc->ip = R3_STUB_SLEEP;
	sc->di = r3_slot_address(cpu) + R3_SLOT_RESUME;
	sc->dx = R3_RESUME_RESET;
	sc->flags = X86_EFLAGS_IF;
	sc->cs = R3_USER_CS;
	sc->ss = R3_USER_DS;

	info->stamp = 0;
	info->uc = 0;
	info->fp = 0;
	info->fs = 0;
	info->gs = 0;
	info->fast = false;
}

static bool asleep(struct r3_slot_info *info)
{
	return r3_host_futex_wake(&info->slot->resume, 1) == 1 || r3_mutation(R3_MUTATION_ASLEEP);
}

/* It may not have run since its reset. */
static bool asleep_after_all(struct r3_slot_info *info)
{
	unsigned long flags;

	local_irq_save(flags);
	r3_hand_over(NULL);
	local_irq_restore(flags);
	return asleep(info);
}

static bool reset(struct r3_space *space)
{
	int cpu = only_slot(space);

	if (!space->retired || cpu < 0 || space->head != space->acked)
		return false;
	/* In the sleep it finds the 2 that it wrote, and sleeps again. */
	if (r3_mutation(R3_MUTATION_RESET))
		return asleep(space->slots[cpu]);
	/* User code of the next mm can read them. */
	memset(space->cmd->cmd, 0, sizeof(space->cmd->cmd));
	write_reset(space->slots[cpu], cpu);
	return asleep(space->slots[cpu]);
}

/**
 * r3_space_park - have a retired space reset, and keep it for another mm
 *
 * Returns false if it cannot serve again, or is not needed: then it has to end.
 */
bool r3_space_park(struct r3_space *space)
{
	return reset(space) && r3_idle_add(per_cpu_ptr(&parked, only_slot(space)), space);
}

/**
 * r3_space_unpark - a parked space for this vCPU, or NULL
 *
 * Those whose thread is kept where the vCPU no longer is end; one that is still
 * on its way to its sleep is left for the next time.
 */
struct r3_space *r3_space_unpark(void)
{
	unsigned int cpu = raw_smp_processor_id(), tries = R3_PARKED_SPACES;
	struct r3_idle *idle = per_cpu_ptr(&parked, cpu);
	struct r3_space *space;
	unsigned long flags;

	while (tries-- && (space = r3_idle_take(idle))) {
		struct r3_slot_info *info = space->slots[cpu];

		if (info->home != r3_affinity_home_of(cpu)) {
			r3_space_end(space);
			continue;
		}
		if (!asleep(info) && !asleep_after_all(info)) {
			if (!r3_idle_add(idle, space))
				r3_space_end(space);
			continue;
		}
		space->retired = false;
		spin_lock_irqsave(&space->lock, flags);
		r3_space_cmd(space, R3_OP_PROTECT, PROT_READ | PROT_WRITE, r3_slot_address(cpu),
			     info->size, 0);
		spin_unlock_irqrestore(&space->lock, flags);
		return space;
	}
	return NULL;
}

static int __init park_init(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		INIT_LIST_HEAD(&per_cpu(parked, cpu).spaces);
		per_cpu(parked, cpu).max = R3_PARKED_SPACES;
	}
	return 0;
}
early_initcall(park_init);
