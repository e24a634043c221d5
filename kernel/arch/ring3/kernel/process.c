// SPDX-License-Identifier: GPL-2.0-only
/* Tasks: how they are made, switched, and found to sleep. */
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/cpu.h>
#include <linux/fs.h>
#include <linux/entry-common.h>
#include <linux/elfcore.h>
#include <linux/random.h>
#include <linux/personality.h>
#include <asm/exec.h>
#include <asm/processor.h>
#include <asm/switch_to.h>
#include <asm/debug.h>
#include <asm/host.h>
#include <asm/entry.h>
#include <asm/fpu.h>
#include <asm/traps.h>

extern char ret_from_fork_asm[];

int arch_dup_task_struct(struct task_struct *dst, struct task_struct *src)
{
	if (src == &init_task) {
		/* It is static and has no room for vector state. */
		memcpy(dst, src, sizeof(*dst));
		return 0;
	}
	r3_fpu_save(src);
	memcpy(dst, src, arch_task_struct_size);
	return 0;
}

int copy_thread(struct task_struct *p, const struct kernel_clone_args *args)
{
	struct pt_regs *regs = task_pt_regs(p);
	struct inactive_task_frame *frame = (struct inactive_task_frame *)regs - 1;

	memset(frame, 0, sizeof(*frame));
	frame->ret_addr = (unsigned long)ret_from_fork_asm;
	p->thread.sp = (unsigned long)frame;
	p->thread.fp_slot = NULL;
	p->thread.fp_stamp = 0;
	p->thread.debug = NULL;

	if (unlikely(p->flags & PF_KTHREAD)) {
		memset(regs, 0, sizeof(*regs));
		frame->bx = (unsigned long)args->fn;
		frame->r12 = (unsigned long)args->fn_arg;
		return 0;
	}

	*regs = *current_pt_regs();
	regs->ax = 0;
	if (args->stack)
		regs->sp = args->stack;
	if (args->flags & CLONE_SETTLS)
		p->thread.fsbase = args->tls;
	if (unlikely(args->fn)) {
		/* A user process that starts in the kernel: init, user mode helpers. */
		frame->bx = (unsigned long)args->fn;
		frame->r12 = (unsigned long)args->fn_arg;
		memset(regs, 0, sizeof(*regs));
	}
	return 0;
}

asmlinkage __visible notrace void r3_ret_from_fork(struct task_struct *prev, struct pt_regs *regs,
					   int (*fn)(void *), void *arg)
{
	schedule_tail(prev);
	if (fn)
		fn(arg);
	syscall_exit_to_user_mode(regs);
	r3_user_loop(regs);
}

/* From __switch_to_asm: next is current already. */
__visible struct task_struct *__switch_to(struct task_struct *prev, struct task_struct *next)
{
	r3_fpu_save(prev);
	return prev;
}

void start_thread(struct pt_regs *regs, unsigned long ip, unsigned long sp)
{
	memset(regs, 0, sizeof(*regs));
	regs->ip = ip;
	regs->sp = sp;
	regs->cs = R3_USER_CS;
	regs->ss = R3_USER_DS;
	regs->flags = X86_EFLAGS_IF;
	regs->orig_ax = -1;
}
EXPORT_SYMBOL_GPL(start_thread);

void flush_thread(void)
{
	current->thread.fsbase = 0;
	current->thread.gsbase = 0;
	r3_fpu_reset(current);
	r3_debug_free(current);
}

void exit_thread(struct task_struct *task)
{
	r3_debug_free(task);
}

unsigned long arch_align_stack(unsigned long sp)
{
	if (!(current->personality & ADDR_NO_RANDOMIZE) && randomize_va_space)
		sp -= get_random_u32_below(8192);
	return sp & ~0xf;
}
