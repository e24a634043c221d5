// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running user code: r3_user_loop() is where every task that returns to user
 * mode ends up. It hands the registers to the guest thread that stands for
 * this vCPU in the task's space, waits until that thread stops, and treats
 * what it stopped for as x86's entry code would: system call, fault, or the
 * preemption that the kernel itself asked for.
 *
 * While user code runs, interrupts are "on" and handled right here, beside
 * it; it is stopped only if there is work that needs its registers.
 */
#include <linux/entry-common.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/nospec.h>
#include <asm/syscall.h>
#include <asm/generic_entry.h>
#include <asm/space.h>
#include <asm/debug.h>
#include <asm/event.h>
#include <asm/host.h>
#include <asm/entry.h>
#include <asm/traps.h>
#include <asm/rewrite.h>
#include <asm/yield.h>
#include <asm/forced_yield.h>
#include "handover.h"
#include "user.h"

/* What there is to do before user code may be resumed. */
enum outcome {
	NOT_READY,		/* it has not run: there is no space, or no slot in it */
	STOPPED,		/* for what the kernel has to do */
	TRAPPED,
	CALLED,			/* by a system call instruction */
	CALLED_INSIDE,		/* by one that is no more, in what was rewritten */
	CALLED_FAST,		/* through the stub */
};

/* Interrupts that came in while user code runs. */
static void user_irqs(struct pt_regs *regs)
{
	irqentry_enter_from_user_mode(regs);
	r3_take_irqs(regs);
	r3_timer_rearm();
	exit_to_user_mode();
}

/* Ends the process; no signal would end PID 1. */
static void no_space(long err)
{
	if (is_global_init(current))
		panic("ring3: PID 1 has no space on the host to run in (error %ld): raise ulimit -u or give the guest more memory", -err);
	pr_err_ratelimited("%s[%d]: no space on the host to run in (error %ld)\n",
			   current->comm, task_pid_nr(current), -err);
	force_fatal_sig(SIGKILL);
}

/* This vCPU's slot, if all is ready; interrupts are off. */
static struct r3_slot_info *ready_slot(void)
{
	struct r3_space *space = current->mm->context.space;

	if (unlikely(!space || space->dead || space->dying || READ_ONCE(current->mm->context.fresh)))
		return NULL;
	return space->slots[smp_processor_id()];
}

/* Makes it ready; may sleep and move. */
static void make_ready(struct pt_regs *regs)
{
	struct r3_space *space = r3_space_get(current->mm);
	struct r3_slot_info *info;

	if (IS_ERR(space)) {
		no_space(PTR_ERR(space));
		return;
	}
	if (space->dead || space->dying) {
		no_space(-ESRCH);
		return;
	}
	info = r3_space_slot(space, raw_smp_processor_id());
	if (IS_ERR(info))
		no_space(PTR_ERR(info));
	else if (READ_ONCE(current->mm->context.fresh))
		r3_fault_first(regs);
}

/* The entry that was queued last. The space's lock is held. */
static struct r3_cmd *last_command(struct r3_space *space)
{
	return &space->cmd->cmd[(space->pos ? space->pos : R3_CMD_RING) - 1];
}

static void start_thread_of(struct r3_space *space, struct r3_slot_info *info, unsigned int cpu)
{
	struct r3_cmd *cmd;

	info->started = true;
	info->home = r3_affinity_home();
	r3_space_cmd(space, R3_OP_THREAD, 0, r3_slot_address(cpu), info->home + 1, 0);
	cmd = last_command(space);
	/*
	 * Its number is read before it runs user code. Other threads of the process
	 * may write there: they mislead only themselves. Afterwards neither that nor
	 * where it runs is in memory that user code can read.
	 */
	r3_space_wait(space);
	info->tid = r3_slot_take_tid(info->slot);
	WRITE_ONCE(cmd->len, 0);
}

static void resume_guest(struct r3_space *space, struct r3_slot_info *info, unsigned int cpu)
{
	/* What this CPU has queued it sees; what others queue is not waited for here. */
	if (likely(info->started && READ_ONCE(space->head) == READ_ONCE(space->rung))) {
		if (r3_slot_resume(info->slot)) {
			r3_host_futex_wake(&info->slot->resume, 1);
			r3_handover_late();
		}
		return;
	}
	r3_slot_begin_event(info->slot);
	spin_lock(&space->lock);
	if (!info->started)
		start_thread_of(space, info, cpu);
	r3_space_cmd(space, R3_OP_WAKE, 0, r3_slot_address(cpu), 0, 0);
	r3_space_ring(space);
	spin_unlock(&space->lock);
}

/*
 * Another CPU's call may be a barrier that user code relies on: while there is a
 * membarrier() under way user code is stopped before a call is taken. All else
 * is handled while user code runs.
 */
static bool must_stop_first(unsigned int cpu)
{
	return (READ_ONCE(r3_boot->vcpu[cpu].pending) & R3_PEND_CALL) &&
	       atomic_read(&r3_membarriers);
}

/*
 * Runs user code until it stops. Interrupts are off, the work of returning to
 * user mode is done. Returns false if it did not run, or its space died.
 */
static bool run_user(struct pt_regs *regs, struct r3_event *ev)
{
	struct r3_slot_info *info = ready_slot();
	bool stopping = false, yielding = false, slept = false, spun = false, yielded;
	unsigned int cpu = smp_processor_id();
	struct r3_space *space;
	struct r3_stop stop = { };
	struct r3_slot *slot;

	if (!info)
		return false;
	space = current->mm->context.space;
	slot = info->slot;
	yielded = r3_boot->vcpu[cpu].host_cpu < 0;

	if (unlikely(space->placed != cpu))
		r3_space_place(space, cpu, atomic_read(&current->mm->mm_users) > 1);
	r3_handover_begin(info);
	r3_frame_put(info, regs, cpu);
	resume_guest(space, info, cpu);
	r3_handover_poll(info);

	while (!r3_slot_stopped(slot)) {
		bool call = false;

		if (unlikely(this_cpu_read(r3_irq_pending))) {
			call = must_stop_first(cpu);
			if (!call)
				user_irqs(regs);
			if (space->dead)
				return false;
			if (r3_forced_yield_wanted())
				yielding = true;
			if (call || yielding || (read_thread_flags() & EXIT_TO_USER_MODE_WORK))
				stopping = true;
		}
		if (stopping && !r3_stop_press(&stop, space, info)) {
			r3_stop_give_up(space);
			return false;
		}
		if (!spun && r3_handover_spin(slot))
			continue;
		spun = true;
		/*
		 * On one host CPU the guest thread runs now, and if it stops
		 * before its time is up neither side needs to sleep.
		 */
		if (!yielded) {
			yielded = true;
			if (r3_hand_over(slot))
				continue;
		}
		if (!r3_slot_announce_sleep(slot))
			continue;
		slept = true;
		/* No interrupt is taken now, the timer's neither. */
		if (call)
			r3_host_futex_wait_ns(&slot->event, 2, R3_KICK_AGAIN_NS);
		else
			r3_host_wait_irq(&slot->event, 2);
	}
	r3_handover_end(slept);
	if (unlikely(stopping))
		r3_stop_end(&stop, space, info);
	r3_frame_get(info, regs, ev, cpu);
	if (unlikely(yielding))
		r3_forced_yield();
	return true;
}

static void do_syscall(struct pt_regs *regs, bool by_signal)
{
	unsigned long ip = regs->ip;
	bool rewritten = false;
	long nr = (int)regs->ax;
	bool permitted;

	regs->orig_ax = regs->ax;	/* all of it, as tracers expect */
	regs->ax = -ENOSYS;
	permitted = r3_syscall_enter(regs, &nr);
	if (by_signal)
		rewritten = r3_rewrite_syscall(ip, (int)regs->orig_ax);
	if (unlikely(!permitted)) {
		/* Somebody has given the result. */
	} else if (likely((unsigned long)nr < NR_syscalls)) {
		nr = array_index_nospec(nr, NR_syscalls);
		regs->ax = sys_call_table[nr](regs->di, regs->si, regs->dx,
					      regs->r10, regs->r8, regs->r9);
	} else if (nr != -1) {
		regs->ax = -ENOSYS;
	}
	if (likely(!rewritten)) {
		syscall_exit_to_user_mode(regs);
		return;
	}
	r3_syscall_exit_work(regs);
	/* What stands behind the call now is not what stood there when it was made. */
	if (regs->ip == ip)
		r3_rewrite_settle(regs);
	exit_to_user_mode();
}

/*
 * All but system calls: the kernel's part of what user code stopped for, and what
 * is pending meanwhile.
 */
static void do_work(struct pt_regs *regs, const struct r3_event *ev, enum outcome outcome)
{
	irqentry_enter_from_user_mode(regs);
	local_irq_enable();
	if (outcome == TRAPPED)
		r3_user_trap(regs, ev);
	else if (outcome == NOT_READY)
		make_ready(regs);
	local_irq_disable();
	irqentry_exit_to_user_mode(regs);
}

/* A rewritten system call. */
static void do_fast(struct pt_regs *regs, const struct r3_event *ev)
{
	const struct r3_event forged = { .sig = SIGSEGV };
	struct r3_site site;
	u64 enter;

	if (unlikely(!r3_rewrite_enter(regs, ev->site, &site))) {
		/* Nobody but forgers gets here. */
		do_work(regs, &forged, TRAPPED);
		return;
	}
	enter = r3_yield_enter();
	do_syscall(regs, false);
	r3_handover_leave(ev->site, enter);
	r3_rewrite_leave(regs, &site);
}

/*
 * The host's vsyscall page cannot be unmapped: what is called there is checked
 * by the space's filter, and for the guest there is no such page.
 */
static bool in_host_vsyscall(struct pt_regs *regs, struct r3_event *ev)
{
	if (likely(ev->addr < R3_TASK_SIZE))
		return false;
	/* The host has returned from the call already. */
	regs->ip = ev->addr;
	regs->sp -= 8;
	ev->sig = SIGSEGV;
	ev->trap_nr = R3_TRAP_PF;
	ev->err = R3_PF_USER | R3_PF_INSTR;
	ev->cr2 = regs->ip;
	return true;
}

/*
 * With TF set, the jump of a rewritten call traps when it has arrived at its
 * trampoline, of which nothing has been executed yet.
 */
static bool stepped_into_stub(struct r3_event *ev)
{
	unsigned long off = ev->ip - R3_STUB_TRAMP;

	if (likely(ev->sig != SIGTRAP) || off >= R3_MAX_SITES * 16 || off % 16)
		return false;
	ev->site = off / 16;
	return true;
}

/*
 * The site table may have gone while a thread was on its way to it through a
 * trampoline: its first access there is where the stub asks for its slot.
 */
static bool faulted_in_stub(const struct pt_regs *regs, struct r3_event *ev)
{
	if (likely(ev->sig != SIGSEGV) || ev->trap_nr != R3_TRAP_PF || ev->ip < R3_STUB_TRAMP ||
	    ev->ip >= R3_STUB_POSTED || ev->cr2 < R3_SITE_SLOTS || ev->cr2 >= R3_SITE_TABLE_END ||
	    !READ_ONCE(current->mm->context.no_rewrite))
		return false;
	ev->site = regs->cx;
	return true;
}

/* In the stub's own code, which is stepped through until user code is reached. */
static bool stepped_in_stub(const struct r3_event *ev)
{
	return ev->sig == SIGTRAP && ev->ip >= R3_STUB_POSTED && ev->ip < R3_STUB_FAST_END;
}

static enum outcome outcome_of(struct pt_regs *regs, struct r3_event *ev)
{
	if (ev->sig == R3_SIG_FAST || stepped_into_stub(ev) || faulted_in_stub(regs, ev))
		return CALLED_FAST;
	if (ev->sig == SIGSYS && ev->arch == AUDIT_ARCH_X86_64)
		return likely(!in_host_vsyscall(regs, ev)) ? CALLED : TRAPPED;
	if (ev->sig == R3_SIG_KICK || stepped_in_stub(ev))
		return STOPPED;
	/* Has user code jumped into what was rewritten? Then it never happened. */
	if (ev->sig == SIGILL || (ev->sig == SIGSEGV && ev->trap_nr == R3_TRAP_GP)) {
		switch (r3_rewrite_trap(regs)) {
		case 2:
			return CALLED_INSIDE;
		case 1:
			return STOPPED;
		}
	}
	return TRAPPED;
}

/* An instruction breakpoint is there: user code stops before it runs. */
static bool at_breakpoint(struct pt_regs *regs, struct r3_event *ev)
{
	if (likely(!r3_debug_armed(current)) || !r3_debug_arrived(regs))
		return false;
	*ev = (struct r3_event){ .sig = SIGTRAP, .trap_nr = R3_TRAP_DB, .breakpoint = true };
	return true;
}

/*
 * Whatever user code says, or only says, that it stopped for: before it is
 * resumed, interrupts have been on and the work of returning to user mode has
 * been done. All of do_syscall(), do_fast() and do_work() do so, and there is no
 * other way round. So neither a signal nor another task waits for an event that
 * user code may choose.
 */
void __noreturn notrace r3_user_loop(struct pt_regs *regs)
{
	enum outcome outcome;
	struct r3_event ev;

	for (;;) {
		if (at_breakpoint(regs, &ev))
			outcome = TRAPPED;
		else
			outcome = run_user(regs, &ev) ? outcome_of(regs, &ev) : NOT_READY;
		if (r3_mutation(R3_MUTATION_WORK) && outcome == STOPPED)
			continue;
		switch (outcome) {
		case CALLED_FAST:
			do_fast(regs, &ev);
			break;
		case CALLED:
		case CALLED_INSIDE:
			do_syscall(regs, outcome == CALLED);
			break;
		default:
			do_work(regs, &ev, outcome);
		}
	}
}
