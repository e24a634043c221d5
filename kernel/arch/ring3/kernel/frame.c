// SPDX-License-Identifier: GPL-2.0-only
/*
 * The signal frame in a slot is how user registers get in and out: the host
 * writes it when a guest thread stops, rt_sigreturn loads it when it goes on.
 * User code can write it at any time. It is read once, into pt_regs; offsets
 * are checked against the slot; what is written back the host checks again.
 */
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/uaccess.h>
#include <linux/prefetch.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <asm/siginfo.h>
#include <asm/host.h>
#include <asm/space.h>
#include <asm/debug.h>
#include <asm/event.h>
#include <asm/copy.h>
#include <asm/fpu.h>
#include <asm/ptrace.h>

/* The signals a guest thread takes. Others the host may send have to wait. */
#define BIT_OF(sig)	(1ULL << ((sig) - 1))
#define SLOT_SIGNALS	(BIT_OF(SIGSEGV) | BIT_OF(SIGBUS) | BIT_OF(SIGILL) | BIT_OF(SIGFPE) | \
			 BIT_OF(SIGTRAP) | BIT_OF(SIGSYS) | BIT_OF(R3_SIG_KICK))

static DEFINE_PER_CPU(u64, r3_stamp);

static u64 new_stamp(unsigned int cpu)
{
	return this_cpu_add_return(r3_stamp, NR_CPUS) + cpu + 1;
}

/* An object of size bytes at a user address in the slot: its offset, or 0. */
static unsigned long slot_offset(struct r3_slot_info *info, unsigned int cpu,
				 unsigned long addr, unsigned long size, unsigned long align)
{
	unsigned long off = addr - r3_slot_address(cpu);

	if (r3_mutation(R3_MUTATION_FRAME))
		return off;
	if (off < R3_SLOT_HEAD || off > info->size - size || (addr & (align - 1)))
		return 0;
	return off;
}

static void default_place(struct r3_slot_info *info)
{
	info->fp = (info->size - r3_fpframe_size) & ~63UL;
	info->uc = (info->fp - sizeof(struct ucontext) - sizeof(struct siginfo)) & ~15UL;
}

static void put_init_state(void *state)
{
	*(u32 *)(state + 24) = 0x1f80;		/* MXCSR, which XRSTOR loads anyway */
	memset(state + 512, 0, 64);
}

/*
 * Are the registers that a system call leaves alone what the thread has in its
 * own? Should it have changed the slot since, it is its own loss.
 */
static bool unchanged(const struct r3_slot *slot, const struct pt_regs *regs)
{
#define DIFFERS(reg) (R3_SLOT_GET(slot, reg) ^ regs->reg)
	return !(DIFFERS(bx) | DIFFERS(dx) | DIFFERS(si) | DIFFERS(di) | DIFFERS(bp) |
		 DIFFERS(r8) | DIFFERS(r9) | DIFFERS(r10) | DIFFERS(r12) | DIFFERS(r13) |
		 DIFFERS(r14) | DIFFERS(r15));
#undef DIFFERS
}

/* For a thread that stopped in the stub's own code, without a signal frame. */
static void put_fast(struct r3_slot_info *info, const struct pt_regs *regs, unsigned int cpu)
{
	struct thread_struct *t = &current->thread;
	struct r3_slot *slot = info->slot;
	bool same = t->fp_stamp && info->stamp == t->fp_stamp;
	unsigned long flags = regs->flags | (unlikely(r3_debug_armed(current)) ? X86_EFLAGS_TF : 0);

	if (!same) {
		if (t->fpu.valid)
			r3_copy((void *)slot + R3_SLOT_FP, t->fpu.state, r3_fpframe_size);
		else
			put_init_state((void *)slot + R3_SLOT_FP);
	}
	info->fp = R3_SLOT_FP;
	info->stamp = t->fp_stamp = new_stamp(cpu);
	t->fp_slot = NULL;

	same = same && regs->cx == regs->ip && t->fsbase == info->fs && t->gsbase == info->gs;
	if (likely(same && unchanged(slot, regs))) {
		slot->quick_ax = regs->ax;
		slot->quick_flags = flags;
		slot->quick_r11 = regs->r11;
		slot->quick_ip = regs->ip;
		slot->quick_sp = regs->sp;
		slot->mode = R3_MODE_QUICK;
		return;
	}
	slot->ax = regs->ax;
	slot->bx = regs->bx;
	slot->cx = regs->cx;
	slot->dx = regs->dx;
	slot->si = regs->si;
	slot->di = regs->di;
	slot->bp = regs->bp;
	slot->usp = regs->sp;
	slot->r8 = regs->r8;
	slot->r9 = regs->r9;
	slot->r10 = regs->r10;
	slot->r11 = regs->r11;
	slot->r12 = regs->r12;
	slot->r13 = regs->r13;
	slot->r14 = regs->r14;
	slot->r15 = regs->r15;
	slot->flags = flags;
	if (same) {
		slot->mode = R3_MODE_KEEP;
		return;
	}
	slot->ip = regs->ip;
	slot->fs = t->fsbase;
	slot->gs = t->gsbase;
	slot->xmask = r3_xfeatures;
	slot->mode = R3_MODE_LOAD;
}

void r3_frame_put(struct r3_slot_info *info, const struct pt_regs *regs, unsigned int cpu)
{
	struct thread_struct *t = &current->thread;
	struct r3_slot *slot = info->slot;
	unsigned long base = r3_slot_address(cpu);
	struct ucontext *uc;
	struct sigcontext *sc;
	bool fp_in_frame;

	if (info->fast) {
		put_fast(info, regs, cpu);
		return;
	}
	fp_in_frame = t->fp_stamp && info->stamp == t->fp_stamp && info->uc;
	if (!info->uc)
		default_place(info);
	else if (r3_mutation(R3_MUTATION_ONCE) && R3_SLOT_GET(slot, uc))
		info->uc = R3_SLOT_GET(slot, uc) - base;
	uc = (void *)slot + info->uc;
	sc = (struct sigcontext *)&uc->uc_mcontext;

	if (!fp_in_frame && t->fpu.valid)
		r3_copy((void *)slot + info->fp, t->fpu.state, r3_fpframe_size);
	sc->fpstate = fp_in_frame || t->fpu.valid ? base + info->fp : 0;
	if (info->fp == R3_SLOT_FP)
		r3_fpu_set_sw_bytes((void *)slot + R3_SLOT_FP);
	info->stamp = t->fp_stamp = new_stamp(cpu);
	t->fp_slot = NULL;

	uc->uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	uc->uc_link = NULL;
	uc->uc_stack.ss_sp = (void __user *)(base + r3_stack_start);
	uc->uc_stack.ss_flags = 0;
	uc->uc_stack.ss_size = info->size - r3_stack_start;
	*(u64 *)&uc->uc_sigmask = ~SLOT_SIGNALS;

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
	sc->flags = regs->flags | (unlikely(r3_debug_armed(current)) ? X86_EFLAGS_TF : 0);
	sc->cs = R3_USER_CS;
	sc->ss = R3_USER_DS;
	sc->gs = sc->fs = 0;

	slot->fs = t->fsbase;
	slot->gs = t->gsbase;
	slot->sp = base + info->uc;
	slot->mode = R3_MODE_SIGRETURN;
}

static const struct sigcontext *registers_at(struct r3_slot *slot, unsigned long uc_off)
{
	struct ucontext *uc = (void *)slot + uc_off;

	return (struct sigcontext *)&uc->uc_mcontext;
}

static bool canonical_user(unsigned long addr)
{
	return addr < (1UL << 47);
}

static void get_bases(struct thread_struct *t, struct r3_slot *slot)
{
	/* A base that is not canonical would fault in the stub. */
	t->fsbase = R3_SLOT_GET(slot, fs);
	if (!canonical_user(t->fsbase))
		t->fsbase = 0;
	t->gsbase = R3_SLOT_GET(slot, gs);
	if (!canonical_user(t->gsbase))
		t->gsbase = 0;
}

/* A rewritten system call; r3_rewrite_enter() does the rest. */
static void get_fast(struct r3_slot_info *info, struct pt_regs *regs, struct r3_event *ev)
{
	struct thread_struct *t = &current->thread;
	struct r3_slot *slot = info->slot;

	prefetchw(&slot->ax);
	prefetchw(&slot->bx);
	prefetchw(&slot->r10);
	ev->sig = R3_SIG_FAST;
	ev->site = R3_SLOT_GET(slot, site);
	info->fast = true;
	info->fp = R3_SLOT_FP;
	t->fp_slot = info;

	regs->ax = R3_SLOT_GET(slot, ax);
	regs->bx = R3_SLOT_GET(slot, bx);
	regs->dx = R3_SLOT_GET(slot, dx);
	regs->si = R3_SLOT_GET(slot, si);
	regs->di = R3_SLOT_GET(slot, di);
	regs->bp = R3_SLOT_GET(slot, bp);
	regs->sp = R3_SLOT_GET(slot, usp);
	regs->r8 = R3_SLOT_GET(slot, r8);
	regs->r9 = R3_SLOT_GET(slot, r9);
	regs->r10 = R3_SLOT_GET(slot, r10);
	regs->r12 = R3_SLOT_GET(slot, r12);
	regs->r13 = R3_SLOT_GET(slot, r13);
	regs->r14 = R3_SLOT_GET(slot, r14);
	regs->r15 = R3_SLOT_GET(slot, r15);
	regs->flags = R3_SLOT_GET(slot, flags) | X86_EFLAGS_IF;
	if (unlikely(r3_debug_armed(current)) && !test_thread_flag(TIF_SINGLESTEP))
		regs->flags &= ~X86_EFLAGS_TF;
	regs->r11 = regs->flags;
	regs->cs = R3_USER_CS;
	regs->ss = R3_USER_DS;
	regs->orig_ax = -1;

	get_bases(t, slot);
	info->fs = t->fsbase;
	info->gs = t->gsbase;
}

void r3_frame_get(struct r3_slot_info *info, struct pt_regs *regs, struct r3_event *ev,
		  unsigned int cpu)
{
	struct thread_struct *t = &current->thread;
	struct r3_slot *slot = info->slot;
	unsigned long uc_off, fp_off, si_off;
	const struct siginfo *si;
	const struct sigcontext *sc;
	bool resumed;
	int sig = R3_SLOT_GET(slot, sig);

	if (likely(sig == R3_SIG_FAST)) {
		get_fast(info, regs, ev);
		return;
	}
	memset(ev, 0, sizeof(*ev));
	info->fast = false;
	uc_off = slot_offset(info, cpu, R3_SLOT_GET(slot, uc), sizeof(struct ucontext), 8);
	si_off = slot_offset(info, cpu, R3_SLOT_GET(slot, info), sizeof(struct siginfo), 8);
	if (!uc_off || !si_off)
		return;
	sc = registers_at(slot, uc_off);
	fp_off = slot_offset(info, cpu, (unsigned long)R3_SLOT_GET(sc, fpstate),
			     r3_fpframe_size, 64);
	if (!fp_off)
		return;
	ev->sig = sig;
	ev->ip = R3_SLOT_GET(sc, ip);
	resumed = ev->ip >= R3_STUB_POSTED && ev->ip < R3_STUB_FAST_END;
	info->uc = uc_off;
	info->fp = resumed ? R3_SLOT_FP : fp_off;
	t->fp_slot = info;
	ev->trap_nr = R3_SLOT_GET(sc, trapno);
	ev->err = R3_SLOT_GET(sc, err);
	ev->cr2 = R3_SLOT_GET(sc, cr2);
	/* It was about to go on where regs say: that is where it still is. */
	if (unlikely(resumed)) {
		regs->orig_ax = -1;
		return;
	}

	regs->r8 = R3_SLOT_GET(sc, r8);
	regs->r9 = R3_SLOT_GET(sc, r9);
	regs->r10 = R3_SLOT_GET(sc, r10);
	regs->r11 = R3_SLOT_GET(sc, r11);
	regs->r12 = R3_SLOT_GET(sc, r12);
	regs->r13 = R3_SLOT_GET(sc, r13);
	regs->r14 = R3_SLOT_GET(sc, r14);
	regs->r15 = R3_SLOT_GET(sc, r15);
	regs->di = R3_SLOT_GET(sc, di);
	regs->si = R3_SLOT_GET(sc, si);
	regs->bp = R3_SLOT_GET(sc, bp);
	regs->bx = R3_SLOT_GET(sc, bx);
	regs->dx = R3_SLOT_GET(sc, dx);
	regs->ax = R3_SLOT_GET(sc, ax);
	regs->cx = R3_SLOT_GET(sc, cx);
	regs->sp = R3_SLOT_GET(sc, sp);
	regs->ip = ev->ip;
	regs->flags = R3_SLOT_GET(sc, flags) | X86_EFLAGS_IF;
	if (unlikely(r3_debug_armed(current)) && !test_thread_flag(TIF_SINGLESTEP))
		regs->flags &= ~X86_EFLAGS_TF;
	regs->cs = R3_USER_CS;
	regs->ss = R3_USER_DS;
	regs->orig_ax = -1;

	si = (void *)slot + si_off;
	ev->code = R3_SLOT_GET(si, si_code);
	if (ev->sig == SIGSYS) {
		ev->arch = R3_SLOT_GET(si, _sifields._sigsys._arch);
		ev->addr = (unsigned long)R3_SLOT_GET(si, _sifields._sigsys._call_addr);
	} else {
		ev->addr = (unsigned long)R3_SLOT_GET(si, _sifields._sigfault._addr);
	}

	get_bases(t, slot);
}
