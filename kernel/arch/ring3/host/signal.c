// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host signals on a vCPU thread. Nothing here may be traced or probed. The monitor installs this handler with all
 * signals blocked and a stack of its own; see host/entry.S for what it leaves
 * behind.
 */
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/export.h>
#include <linux/signal.h>
#include <linux/irqflags.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <asm/host.h>
#include <asm/entry.h>
#include <asm/text.h>
#include <asm/traps.h>

DEFINE_PER_CPU(u32, r3_irq_off) = 1;
EXPORT_PER_CPU_SYMBOL(r3_irq_off);
DEFINE_PER_CPU(u32, r3_irq_pending);
EXPORT_PER_CPU_SYMBOL(r3_irq_pending);

EXPORT_SYMBOL(r3_irq_replay);

extern char r3_wait_begin[], r3_wait_end[], r3_wait_abort[];
extern char r3_irq_entry[], r3_trap_entry[];

static __always_inline void push(struct sigcontext *sc, unsigned long val)
{
	sc->sp -= sizeof(val);
	*(unsigned long *)sc->sp = val;
}

static noinstr void stack_is_bad(struct sigcontext *sc)
{
	static const char msg[] = "ring3: kernel stack overflow\n";

	if (r3_boot->console_fd >= 0)
		r3_host_write(r3_boot->console_fd, msg, sizeof(msg) - 1);
	r3_host_exit(R3_EXIT_PANIC);
}

static __always_inline void take_interrupt(struct sigcontext *sc)
{
	this_cpu_write(r3_irq_pending, 1);
	if (this_cpu_read(r3_irq_off)) {
		if (sc->ip >= (unsigned long)r3_wait_begin && sc->ip < (unsigned long)r3_wait_end)
			sc->ip = (unsigned long)r3_wait_abort;
		return;
	}
	this_cpu_write(r3_irq_off, 1);
	push(sc, sc->ip);
	sc->ip = (unsigned long)r3_irq_entry;
}

static __always_inline bool stack_has_room(struct sigcontext *sc)
{
	unsigned long base = (unsigned long)task_stack_page(current);

	return sc->sp > base + 1024 && sc->sp <= base + THREAD_SIZE;
}

/* Called by the monitor's handler on vCPU threads. */
__visible noinstr void r3_host_signal(int sig, struct siginfo *si, struct ucontext *uc)
{
	struct sigcontext *sc = (struct sigcontext *)&uc->uc_mcontext;
	unsigned long sp;

	switch (sig) {
	case R3_SIG_TIMER:
		__atomic_fetch_or(&r3_boot->vcpu[this_cpu_read(r3_cpu_number)].pending,
				  R3_PEND_TIMER, __ATOMIC_RELAXED);
		fallthrough;
	case R3_SIG_IRQ:
		if (!this_cpu_read(r3_irq_off) && !stack_has_room(sc))
			stack_is_bad(sc);
		take_interrupt(sc);
		return;
	}

	/* Not even a trap: the access is made again. */
	if (sig == SIGSEGV && sc->trapno == R3_TRAP_PF && r3_vmap_fault(sc->cr2, sc->err))
		return;
	/* Nor is text that is being patched. */
	if (sig == SIGTRAP && sc->trapno == R3_TRAP_BP && r3_text_trap(sc))
		return;
	if (!stack_has_room(sc))
		stack_is_bad(sc);
	/* Whoever emulates an instruction may push. */
	sp = sc->sp;
	sc->sp -= R3_TRAP_GAP;
	push(sc, sc->ip);
	push(sc, sp);
	push(sc, sc->cr2);
	push(sc, sc->err);
	push(sc, sc->trapno);
	push(sc, sig);
	sc->ip = (unsigned long)r3_trap_entry;
}
