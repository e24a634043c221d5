// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals to guest processes: x86-64's frame, with the vector state in the
 * format and size that the host's own kernel would use.
 */
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/signal.h>
#include <linux/errno.h>
#include <linux/syscalls.h>
#include <linux/entry-common.h>
#include <linux/rseq.h>
#include <linux/uaccess.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <asm/syscall.h>
#include <asm/traps.h>
#include <asm/fpu.h>
#include <asm/rewrite.h>

struct rt_sigframe {
	char __user *pretcode;
	struct ucontext uc;
	struct siginfo info;
	/* vector state follows */
};

#define FLAGS_USER	(X86_EFLAGS_AC | X86_EFLAGS_OF | X86_EFLAGS_DF | X86_EFLAGS_TF | \
			 X86_EFLAGS_SF | X86_EFLAGS_ZF | X86_EFLAGS_AF | X86_EFLAGS_PF | \
			 X86_EFLAGS_CF | X86_EFLAGS_RF)

static void regs_to_sigcontext(struct sigcontext *sc, struct pt_regs *regs, u64 mask)
{
	sc->r8 = regs->r8;
	sc->r9 = regs->r9;
	sc->r10 = regs->r10;
	sc->r11 = regs->r11;
	sc->r12 = regs->r12;
	sc->r13 = regs->r13;
	sc->r14 = regs->r14;
	sc->r15 = regs->r15;
	sc->di = regs->di;
	sc->si = regs->si;
	sc->bp = regs->bp;
	sc->bx = regs->bx;
	sc->dx = regs->dx;
	sc->ax = regs->ax;
	sc->cx = regs->cx;
	sc->sp = regs->sp;
	sc->ip = regs->ip;
	sc->flags = regs->flags;
	sc->cs = regs->cs;
	sc->ss = regs->ss;
	sc->err = current->thread.error_code;
	sc->trapno = current->thread.trap_nr;
	sc->cr2 = current->thread.cr2;
	sc->oldmask = mask;
}

static void sigcontext_to_regs(struct pt_regs *regs, const struct sigcontext *sc)
{
	regs->r8 = sc->r8;
	regs->r9 = sc->r9;
	regs->r10 = sc->r10;
	regs->r11 = sc->r11;
	regs->r12 = sc->r12;
	regs->r13 = sc->r13;
	regs->r14 = sc->r14;
	regs->r15 = sc->r15;
	regs->di = sc->di;
	regs->si = sc->si;
	regs->bp = sc->bp;
	regs->bx = sc->bx;
	regs->dx = sc->dx;
	regs->ax = sc->ax;
	regs->cx = sc->cx;
	regs->sp = sc->sp;
	regs->ip = sc->ip;
	regs->flags = (regs->flags & ~FLAGS_USER) | (sc->flags & FLAGS_USER);
	regs->cs = R3_USER_CS;
	regs->ss = R3_USER_DS;
	regs->orig_ax = -1;
}

static int setup_rt_frame(struct ksignal *ksig, struct pt_regs *regs)
{
	sigset_t *set = sigmask_to_save();
	struct rt_sigframe __user *frame;
	struct rt_sigframe f = { };
	struct sigcontext *sc = (struct sigcontext *)&f.uc.uc_mcontext;
	unsigned long sp, fp, size = offsetof(struct rt_sigframe, info);
	bool onstack = on_sig_stack(regs->sp);

	if (!(ksig->ka.sa.sa_flags & SA_RESTORER))
		return -EFAULT;

	sp = regs->sp - 128;			/* the red zone */
	if (ksig->ka.sa.sa_flags & SA_ONSTACK)
		sp = sigsp(sp + 0, ksig);
	if (sas_ss_flags(regs->sp) == 0 && (ksig->ka.sa.sa_flags & SA_ONSTACK))
		onstack = true;
	fp = round_down(sp - r3_fpframe_size, 64);
	sp = round_down(fp - sizeof(*frame), 16) - 8;
	frame = (void __user *)sp;
	if (onstack && !__on_sig_stack(sp))
		return -EFAULT;
	if (!access_ok(frame, fp + r3_fpframe_size - sp))
		return -EFAULT;

	f.pretcode = (char __user *)ksig->ka.sa.sa_restorer;
	f.uc.uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	f.uc.uc_stack.ss_sp = (void __user *)current->sas_ss_sp;
	f.uc.uc_stack.ss_flags = current->sas_ss_flags;
	f.uc.uc_stack.ss_size = current->sas_ss_size;
	f.uc.uc_sigmask = *set;
	regs_to_sigcontext(sc, regs, set->sig[0]);
	sc->fpstate = (typeof(sc->fpstate))fp;
	if (ksig->ka.sa.sa_flags & SA_SIGINFO) {
		memcpy(&f.info, &ksig->info, sizeof(ksig->info));
		size = sizeof(f);
	}
	if (r3_fpu_to_user((void __user *)fp) || __copy_to_user(frame, &f, size))
		return -EFAULT;

	regs->di = ksig->sig;
	regs->ax = 0;
	regs->si = (unsigned long)&frame->info;
	regs->dx = (unsigned long)&frame->uc;
	regs->ip = (unsigned long)ksig->ka.sa.sa_handler;
	regs->sp = sp;
	/* The handler starts with the initial vector state, as on x86. */
	r3_fpu_reset(current);
	return 0;
}

SYSCALL_DEFINE0(rt_sigreturn)
{
	struct pt_regs *regs = current_pt_regs();
	struct rt_sigframe __user *frame = (void __user *)(regs->sp - sizeof(long));
	struct ucontext uc;
	const struct sigcontext *sc = (struct sigcontext *)&uc.uc_mcontext;

	if (!access_ok(frame, sizeof(*frame)) || __copy_from_user(&uc, &frame->uc, sizeof(uc)))
		goto bad;
	set_current_blocked(&uc.uc_sigmask);
	current->restart_block.fn = do_no_restart_syscall;
	sigcontext_to_regs(regs, sc);
	if (!sc->fpstate)
		r3_fpu_reset(current);
	else if (r3_fpu_from_user((void __user *)(unsigned long)sc->fpstate))
		goto bad;
	if (restore_altstack(&frame->uc.uc_stack))
		goto bad;
	if (!(regs->flags & X86_EFLAGS_TF))
		r3_rewrite_settle(regs);
	return regs->ax;

bad:
	if (show_unhandled_signals && printk_ratelimit())
		pr_info("%s[%d]: bad signal frame at %px\n", current->comm,
			task_pid_nr(current), frame);
	force_sig(SIGSEGV);
	return 0;
}

static void handle_signal(struct ksignal *ksig, struct pt_regs *regs)
{
	bool stepping, failed;

	if (syscall_get_nr(current, regs) != -1) {
		switch (syscall_get_error(current, regs)) {
		case -ERESTART_RESTARTBLOCK:
		case -ERESTARTNOHAND:
			regs->ax = -EINTR;
			break;
		case -ERESTARTSYS:
			if (!(ksig->ka.sa.sa_flags & SA_RESTART)) {
				regs->ax = -EINTR;
				break;
			}
			fallthrough;
		case -ERESTARTNOINTR:
			regs->ax = regs->orig_ax;
			regs->ip -= 2;
			break;
		}
	}
	stepping = test_thread_flag(TIF_SINGLESTEP);
	if (stepping)
		regs->flags &= ~X86_EFLAGS_TF;

	rseq_signal_deliver(ksig, regs);
	failed = setup_rt_frame(ksig, regs) < 0;
	if (!failed)
		/* As the CPU would: the handler starts with these clear. */
		regs->flags &= ~(X86_EFLAGS_DF | X86_EFLAGS_RF | X86_EFLAGS_TF);
	signal_setup_done(failed, ksig, stepping);
	if (!failed && stepping)
		regs->flags |= X86_EFLAGS_TF;
}

void arch_do_signal_or_restart(struct pt_regs *regs)
{
	struct ksignal ksig;

	if (get_signal(&ksig)) {
		handle_signal(&ksig, regs);
		return;
	}

	if (syscall_get_nr(current, regs) != -1) {
		switch (syscall_get_error(current, regs)) {
		case -ERESTARTNOHAND:
		case -ERESTARTSYS:
		case -ERESTARTNOINTR:
			regs->ax = regs->orig_ax;
			regs->ip -= 2;
			break;
		case -ERESTART_RESTARTBLOCK:
			regs->ax = __NR_restart_syscall;
			regs->ip -= 2;
			break;
		}
	}
	restore_saved_sigmask();
}
