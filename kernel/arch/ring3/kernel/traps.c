// SPDX-License-Identifier: GPL-2.0-only
/* Faults of kernel code: prepared ones, WARN and BUG, and the rest: an oops. */
#include <linux/bug.h>
#include <linux/kdebug.h>
#include <linux/kexec.h>
#include <linux/kfence.h>
#include <linux/kprobes.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/entry-common.h>
#include <linux/utsname.h>
#include <linux/kallsyms.h>
#include <linux/uaccess.h>
#include <asm/traps.h>
#include <asm/host.h>
#include <asm/entry.h>


int show_unhandled_signals = 1;

void die(const char *str, struct pt_regs *regs, long err)
{
	static DEFINE_RAW_SPINLOCK(lock);
	static int count;

	oops_enter();
	raw_spin_lock(&lock);
	console_verbose();
	bust_spinlocks(1);
	pr_emerg("%s: %04lx [#%d]\n", str, err & 0xffff, ++count);
	print_modules();
	show_regs(regs);
	bust_spinlocks(0);
	add_taint(TAINT_DIE, LOCKDEP_NOW_UNRELIABLE);
	raw_spin_unlock(&lock);
	oops_exit();
	if (in_interrupt())
		panic("Fatal exception in interrupt");
	if (panic_on_oops)
		panic("Fatal exception");
	make_task_dead(SIGSEGV);
}

int is_valid_bugaddr(unsigned long addr)
{
	u16 insn;

	if (get_kernel_nofault(insn, (u16 *)addr))
		return 0;
	return insn == 0x0b0f;		/* ud2 */
}

static void kernel_trap(struct pt_regs *regs, struct r3_trap *trap)
{
	if (trap->nr == R3_TRAP_UD && report_bug(regs->ip, regs) == BUG_TRAP_TYPE_WARN) {
		regs->ip += 2;
		return;
	}
	if (r3_fixup_exception(regs))
		return;
	if (trap->nr == R3_TRAP_PF && kfence_handle_page_fault(trap->addr, trap->err & R3_PF_WRITE, regs))
		return;
	if (trap->nr == R3_TRAP_PF)
		pr_emerg("ring3: unable to handle kernel %s at %016lx\n",
			 trap->err & R3_PF_WRITE ? "write" : "read", trap->addr);
	die(trap->nr == R3_TRAP_PF ? "Oops" :
	    trap->nr == R3_TRAP_UD ? "invalid opcode" :
	    trap->nr == R3_TRAP_GP ? "general protection fault" :
	    trap->sig == SIGBUS ? "host memory failure" : "trap", regs, trap->err);
}

/* Is it a probe's? Interrupts are off, and whatever was interrupted may be anything. */
static noinstr bool breakpoint(struct pt_regs *regs)
{
	bool done = false;
#ifdef CONFIG_KPROBES
	irqentry_state_t state = irqentry_nmi_enter(regs);

	instrumentation_begin();
	done = kprobe_int3_handler(regs);
	instrumentation_end();
	irqentry_nmi_exit(regs, state);
#endif
	return done;
}

/* From r3_trap_entry. Returns to the interrupted code, or to where its registers now say. */
asmlinkage __visible noinstr void r3_trap_handler(struct pt_regs *regs, struct r3_trap *trap)
{
	irqentry_state_t state;

	if (this_cpu_read(r3_irq_off))
		regs->flags &= ~X86_EFLAGS_IF;
	else
		regs->flags |= X86_EFLAGS_IF;
	this_cpu_write(r3_irq_off, 1);

	if (trap->nr == R3_TRAP_BP && breakpoint(regs))
		goto out;
	/* In the copy of an instruction that has a probe: as if it were in its place. */
	if (trap->nr == R3_TRAP_PF)
		kprobe_page_fault(regs, R3_TRAP_PF);
	/* Prepared ones may be anywhere, even where RCU does not watch. */
	if (trap->nr == R3_TRAP_PF && r3_fixup_exception(regs))
		goto out;
	state = irqentry_enter(regs);
	instrumentation_begin();
	kernel_trap(regs, trap);
	instrumentation_end();
	irqentry_exit(regs, state);
out:
	/* Of a probe's instruction that is executed elsewhere interrupts are off. */
	if (regs->flags & X86_EFLAGS_IF) {
		this_cpu_write(r3_irq_off, 0);
		barrier();
		if (this_cpu_read(r3_irq_pending))
			r3_irq_replay();
	}
}
