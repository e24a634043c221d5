// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traps of user code. What the host said of them was in memory that user code
 * can write, so it decides nothing but which signal its own process gets.
 */
#include <linux/kdebug.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <asm/debug.h>
#include <asm/event.h>
#include <asm/traps.h>
#include "user.h"

static void note(const struct r3_event *ev)
{
	current->thread.trap_nr = ev->trap_nr;
	current->thread.error_code = ev->err;
}

/*
 * A probe's, whose list says where there are any: that user code only says that there
 * was a trap gets it no further than to the probe's handlers, or to its own SIGTRAP.
 */
static bool probed(struct pt_regs *regs, const struct r3_event *ev)
{
	return IS_ENABLED(CONFIG_UPROBES) && !ev->breakpoint &&
	       notify_die(ev->trap_nr == R3_TRAP_BP ? DIE_INT3 : DIE_DEBUG, "", regs, 0,
			  ev->trap_nr, SIGTRAP) == NOTIFY_STOP;
}

static void debug_trap(struct pt_regs *regs, const struct r3_event *ev)
{
	if (probed(regs, ev))
		return;
	note(ev);
	if (ev->trap_nr == R3_TRAP_BP) {
		force_sig(SIGTRAP);
		return;
	}
	if (ev->breakpoint) {
		force_sig_fault(SIGTRAP, TRAP_HWBKPT, (void __user *)regs->ip);
		return;
	}
	if (r3_debug_armed(current)) {
		int code = r3_debug_step(regs);

		if (code) {
			force_sig_fault(SIGTRAP, code, (void __user *)regs->ip);
			return;
		}
		if (!test_thread_flag(TIF_SINGLESTEP))
			return;
	}
	if (test_thread_flag(TIF_SINGLESTEP))
		regs->flags &= ~X86_EFLAGS_TF;
	force_sig_fault(SIGTRAP, TRAP_TRACE, (void __user *)regs->ip);
}

static void trap_signal(struct pt_regs *regs, const struct r3_event *ev)
{
	/* The step over a probed instruction is no trap of its own. */
	if (ev->sig != SIGTRAP)
		note(ev);

	switch (ev->sig) {
	case SIGFPE:
		force_sig_fault(SIGFPE, ev->code > 0 && ev->code < 16 ? ev->code : FPE_FLTUNK,
				(void __user *)regs->ip);
		break;
	case SIGILL:
		force_sig_fault(SIGILL, ILL_ILLOPN, (void __user *)regs->ip);
		break;
	case SIGTRAP:
		debug_trap(regs, ev);
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

/* Interrupts are on. */
void r3_user_trap(struct pt_regs *regs, const struct r3_event *ev)
{
	if (ev->sig == SIGSEGV && ev->trap_nr == R3_TRAP_PF)
		r3_fault_user(regs, ev->cr2, ev->err);
	else
		trap_signal(regs, ev);
}
