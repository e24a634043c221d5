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
#include <linux/sched/clock.h>
#include <linux/signal.h>
#include <linux/nospec.h>
#include <asm/syscall.h>
#include <asm/space.h>
#include <asm/debug.h>
#include <asm/frame.h>
#include <asm/host.h>
#include <asm/entry.h>
#include <asm/traps.h>
#include <asm/rewrite.h>
#include <asm/handover.h>
#include <asm/forced_yield.h>

/*
 * A guest thread that has not stopped this long after it was told to, see
 * refuses(): then it is looked at why, and at last that does not matter. Where
 * its manager acknowledges at once, that is before a soft lockup is reported.
 */
#define STOP_TIMEOUT_NS	(2ULL * NSEC_PER_SEC)
#define STOP_PATIENCE_NS (13ULL * NSEC_PER_SEC)
#define KICK_AGAIN_NS	(100ULL * NSEC_PER_MSEC)
/* Of the host's time, in which any thread answers. */
#define STOP_RAN_NS	(50ULL * NSEC_PER_MSEC)

/* Interrupts that came in while user code runs. */
static void user_irqs(struct pt_regs *regs)
{
	irqentry_enter_from_user_mode(regs);
	r3_take_irqs(regs);
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

/* Makes the space and this vCPU's slot if need be; may sleep and move. */
static struct r3_slot_info *get_slot(struct pt_regs *regs)
{
	struct r3_space *space = current->mm->context.space;
	struct r3_slot_info *info;

	if (likely(space)) {
		info = space->slots[smp_processor_id()];
		if (likely(info && !space->dead && !space->dying &&
			   !READ_ONCE(current->mm->context.fresh)))
			return info;
	}

	irqentry_enter_from_user_mode(regs);
	local_irq_enable();
	space = r3_space_get(current->mm);
	if (IS_ERR(space)) {
		no_space(PTR_ERR(space));
	} else if (space->dead || space->dying) {
		no_space(-ESRCH);
	} else {
		info = r3_space_slot(space, raw_smp_processor_id());
		if (IS_ERR(info))
			no_space(PTR_ERR(info));
		else if (READ_ONCE(current->mm->context.fresh))
			r3_fault_first(regs);
	}
	local_irq_disable();
	irqentry_exit_to_user_mode(regs);
	return NULL;
}

static void resume_guest(struct r3_space *space, struct r3_slot_info *info, unsigned int cpu)
{
	struct r3_slot *slot = info->slot;
	unsigned long addr = R3_STUB_SLOTS + cpu * R3_SLOT_STRIDE;

	/* What this CPU has queued it sees; what others queue is not waited for here. */
	if (likely(info->started && READ_ONCE(space->head) == READ_ONCE(space->rung))) {
		/* event = 0, resume = 1, in one go: see struct r3_slot */
		if (xchg((u64 *)&slot->event, 1ULL << 32) >> 32 >= 2) {
			r3_host_futex_wake(&slot->resume, 1);
			r3_handover_late();
		}
		return;
	}
	WRITE_ONCE(slot->event, 0);
	spin_lock(&space->lock);
	if (!info->started) {
		info->started = true;
		info->home = r3_affinity_home();
		r3_space_cmd(space, R3_OP_THREAD, 0, addr, info->home + 1, 0);
		/* Its number is read before it runs user code. Other threads of
		 * the process may write there: they deceive themselves. */
		r3_space_wait(space);
		info->tid = READ_ONCE(slot->tid);
	}
	r3_space_cmd(space, R3_OP_WAKE, 0, addr, 0, 0);
	r3_space_ring(space);
	spin_unlock(&space->lock);
}

static void stop_guest(struct r3_space *space, unsigned int cpu)
{
	spin_lock(&space->lock);
	space->kicked = true;
	r3_space_cmd(space, R3_OP_KICK, space->slots[cpu]->tid, 0, 0, 0);
	r3_space_ring(space);
	spin_unlock(&space->lock);
}

static void give_up(struct r3_space *space)
{
	pr_warn("%s[%d]: user code does not answer, ending its space\n",
		current->comm, task_pid_nr(current));
	spin_lock(&space->lock);
	r3_space_cmd(space, R3_OP_EXIT, 0, 0, 0, 0);
	r3_space_ring(space);
	space->dying = true;
	spin_unlock(&space->lock);
}

/* How long user code has been told to stop. */
struct stop {
	u64 first, last;
	u64 looked;		/* after STOP_TIMEOUT_NS, when its manager had acknowledged */
	u64 used;		/* time on the host of its process, then */
};

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
static bool refuses(struct stop *stop, struct r3_space *space, struct r3_slot *slot, u64 now)
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

/* Tells it, again after a while. Returns false if it does not listen. */
static bool press(struct stop *stop, struct r3_space *space, struct r3_slot *slot, unsigned int cpu)
{
	u64 now = sched_clock();

	if (!stop->first)
		stop->first = now;
	if (now - stop->first > STOP_TIMEOUT_NS && !r3_mutation(R3_MUTATION_STOP) &&
	    refuses(stop, space, slot, now))
		return false;
	if (!stop->last || now - stop->last > KICK_AGAIN_NS) {
		stop->last = now;
		stop_guest(space, cpu);
	}
	return true;
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
	struct r3_slot_info *info = get_slot(regs);
	struct r3_space *space;
	struct stop stop = { };
	bool stopping = false, rest = false, slept = false, spun = false, yielded = r3_boot->vcpu[smp_processor_id()].host_cpu < 0;
	struct r3_slot *slot;
	unsigned int cpu;

	if (!info)
		return false;
	cpu = smp_processor_id();
	space = current->mm->context.space;
	slot = info->slot;

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
				rest = true;
			if (call || rest || (read_thread_flags() & EXIT_TO_USER_MODE_WORK))
				stopping = true;
		}
		if (stopping && !press(&stop, space, slot, cpu)) {
			give_up(space);
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
		cmpxchg(&slot->event, 0, 2);
		if (READ_ONCE(slot->event) != 2)
			continue;
		slept = true;
		/* No interrupt is taken now, the timer's neither. */
		if (call)
			r3_host_futex_wait_ns(&slot->event, 2, KICK_AGAIN_NS);
		else
			r3_host_wait_irq(&slot->event, 2);
	}
	r3_handover_end(slept);
	r3_frame_get(info, regs, ev, cpu);
	if (unlikely(rest))
		r3_forced_yield();
	return true;
}

static void do_syscall(struct pt_regs *regs, bool by_signal)
{
	unsigned long ip = regs->ip;
	long nr = (int)regs->ax;

	regs->orig_ax = regs->ax;	/* all of it, as tracers expect */
	regs->ax = -ENOSYS;
	nr = syscall_enter_from_user_mode(regs, nr);
	if (by_signal)
		r3_rewrite_syscall(ip, (int)regs->orig_ax);
	if (likely((unsigned long)nr < NR_syscalls)) {
		nr = array_index_nospec(nr, NR_syscalls);
		regs->ax = sys_call_table[nr](regs->di, regs->si, regs->dx,
					      regs->r10, regs->r8, regs->r9);
	} else if (nr != -1) {
		regs->ax = -ENOSYS;
	}
	syscall_exit_to_user_mode(regs);
}

static void do_trap(struct pt_regs *regs, struct r3_event *ev);

/* A rewritten system call. */
static void do_fast(struct pt_regs *regs, struct r3_event *ev)
{
	u64 enter = r3_handover_enter();
	struct r3_site site;

	if (unlikely(!r3_rewrite_enter(regs, ev->site, &site))) {
		/* Nobody but forgers gets here. */
		*ev = (struct r3_event){ .sig = SIGSEGV };
		do_trap(regs, ev);
		return;
	}
	do_syscall(regs, false);
	r3_handover_leave(ev->site, enter);
	r3_rewrite_leave(regs, &site);
}

static void trap_signal(struct pt_regs *regs, struct r3_event *ev)
{
	current->thread.trap_nr = ev->trap_nr;
	current->thread.error_code = ev->err;

	switch (ev->sig) {
	case SIGFPE:
		force_sig_fault(SIGFPE, ev->code > 0 && ev->code < 16 ? ev->code : FPE_FLTUNK,
				(void __user *)regs->ip);
		break;
	case SIGILL:
		force_sig_fault(SIGILL, ILL_ILLOPN, (void __user *)regs->ip);
		break;
	case SIGTRAP:
		if (ev->trap_nr == R3_TRAP_BP) {
			force_sig(SIGTRAP);
			break;
		}
		if (r3_debug_armed(current)) {
			if (r3_debug_hit(regs)) {
				force_sig_fault(SIGTRAP, TRAP_HWBKPT, (void __user *)regs->ip);
				break;
			}
			if (!test_thread_flag(TIF_SINGLESTEP))
				break;
		}
		if (test_thread_flag(TIF_SINGLESTEP))
			regs->flags &= ~X86_EFLAGS_TF;
		force_sig_fault(SIGTRAP, TRAP_TRACE, (void __user *)regs->ip);
		break;
	case SIGBUS:
		if (ev->trap_nr == R3_TRAP_AC) {
			force_sig_fault(SIGBUS, BUS_ADRALN, NULL);
			break;
		}
		pr_err_ratelimited("%s[%d]: the host has no memory for page %lx\n",
				   current->comm, task_pid_nr(current), ev->cr2);
		force_sig_fault(SIGBUS, BUS_ADRERR, (void __user *)ev->cr2);
		break;
	case SIGSYS:
		/* int 0x80: there is no such gate here. */
	case SIGSEGV:
		/* #GP and its kin: no address to tell. */
		force_sig(SIGSEGV);
		break;
	default:
		/* The frame is not one the host wrote: user code forged it. */
		force_fatal_sig(SIGSEGV);
	}
}

static void do_trap(struct pt_regs *regs, struct r3_event *ev)
{
	irqentry_enter_from_user_mode(regs);
	local_irq_enable();
	if (ev->sig == SIGSEGV && ev->trap_nr == R3_TRAP_PF)
		r3_fault_user(regs, ev->cr2, ev->err);
	else
		trap_signal(regs, ev);
	local_irq_disable();
	irqentry_exit_to_user_mode(regs);
}

static void do_stopped(struct pt_regs *regs)
{
	irqentry_enter_from_user_mode(regs);
	/* It may have been stopped for an interrupt that is pending still. */
	local_irq_enable();
	local_irq_disable();
	irqentry_exit_to_user_mode(regs);
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

/* Has user code jumped into what was rewritten? Then it never happened. */
static bool in_rewritten(struct pt_regs *regs, struct r3_event *ev)
{
	if (ev->sig != SIGILL && (ev->sig != SIGSEGV || ev->trap_nr != R3_TRAP_GP))
		return false;
	switch (r3_rewrite_trap(regs)) {
	case 2:
		do_syscall(regs, false);
		fallthrough;
	case 1:
		return true;
	}
	return false;
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

void __noreturn r3_user_loop(struct pt_regs *regs)
{
	struct r3_event ev;

	for (;;) {
		if (!run_user(regs, &ev))
			continue;
		if (ev.sig == R3_SIG_FAST || stepped_into_stub(&ev))
			do_fast(regs, &ev);
		else if (ev.sig == SIGSYS && ev.arch == AUDIT_ARCH_X86_64 &&
			 likely(!in_host_vsyscall(regs, &ev)))
			do_syscall(regs, true);
		else if (ev.ip >= R3_STUB_TRAMP && ev.ip < R3_STUB_POSTED &&
			 ev.sig == R3_SIG_KICK)
			continue;	/* it is about to stop by itself */
		else if (ev.sig == R3_SIG_KICK ||
			 (ev.sig == SIGTRAP && ev.ip >= R3_STUB_POSTED && ev.ip < R3_STUB_FAST_END))
			do_stopped(regs);
		else if (!in_rewritten(regs, &ev))
			do_trap(regs, &ev);
	}
}
