// SPDX-License-Identifier: GPL-2.0-only
/* What debuggers of guest processes see and set: x86-64's register sets. */
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/mm.h>
#include <linux/errno.h>
#include <linux/ptrace.h>
#include <linux/regset.h>
#include <linux/elf.h>
#include <linux/uaccess.h>
#include <uapi/asm/prctl.h>
#include <uapi/asm/ptrace-abi.h>
#include <asm/user.h>
#include <asm/debug.h>
#include <asm/rewrite.h>
#include <asm/fpu.h>
#include <asm/ptrace.h>

#define FLAGS_USER	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF | \
			 X86_EFLAGS_SF | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_OF | \
			 X86_EFLAGS_RF | X86_EFLAGS_AC)

static unsigned long get_reg(struct task_struct *task, unsigned int offset)
{
	struct pt_regs *regs = task_pt_regs(task);

	switch (offset) {
	case offsetof(struct user_regs_struct, fs_base):
		return task->thread.fsbase;
	case offsetof(struct user_regs_struct, gs_base):
		return task->thread.gsbase;
	case offsetof(struct user_regs_struct, ds):
	case offsetof(struct user_regs_struct, es):
	case offsetof(struct user_regs_struct, fs):
	case offsetof(struct user_regs_struct, gs):
		return 0;
	}
	/* struct user_regs_struct starts as struct pt_regs does. */
	return *(unsigned long *)((void *)regs + offset);
}

static int put_reg(struct task_struct *task, unsigned int offset, unsigned long val)
{
	struct pt_regs *regs = task_pt_regs(task);

	switch (offset) {
	case offsetof(struct user_regs_struct, fs_base):
		if (val >= TASK_SIZE_MAX)
			return -EIO;
		task->thread.fsbase = val;
		return 0;
	case offsetof(struct user_regs_struct, gs_base):
		if (val >= TASK_SIZE_MAX)
			return -EIO;
		task->thread.gsbase = val;
		return 0;
	case offsetof(struct user_regs_struct, cs):
	case offsetof(struct user_regs_struct, ss):
		return (val & 3) == 3 ? 0 : -EIO;
	case offsetof(struct user_regs_struct, ds):
	case offsetof(struct user_regs_struct, es):
	case offsetof(struct user_regs_struct, fs):
	case offsetof(struct user_regs_struct, gs):
		return 0;
	case offsetof(struct user_regs_struct, flags):
		regs->flags = (regs->flags & ~FLAGS_USER) | (val & FLAGS_USER);
		return 0;
	}
	*(unsigned long *)((void *)regs + offset) = val;
	return 0;
}

static int genregs_get(struct task_struct *target, const struct user_regset *regset,
		       struct membuf to)
{
	unsigned int offset;

	for (offset = 0; offset < sizeof(struct user_regs_struct); offset += sizeof(long))
		membuf_store(&to, get_reg(target, offset));
	return 0;
}

static int genregs_set(struct task_struct *target, const struct user_regset *regset,
		       unsigned int pos, unsigned int count, const void *kbuf,
		       const void __user *ubuf)
{
	const unsigned long *k = kbuf;
	const unsigned long __user *u = ubuf;
	int ret = 0;

	for (; count >= sizeof(long) && !ret; count -= sizeof(long), pos += sizeof(long)) {
		unsigned long val;

		if (k)
			val = *k++;
		else if (__get_user(val, u++))
			return -EFAULT;
		ret = put_reg(target, pos, val);
	}
	return ret;
}

/* The task's state in its buffer, made if it never had one. */
static u8 *fpstate_of(struct task_struct *task)
{
	r3_fpu_save(task);
	if (!task->thread.fpu.valid) {
		r3_fpu_init_state(task->thread.fpu.state);
		task->thread.fpu.valid = true;
	}
	return task->thread.fpu.state;
}

static int fpregs_get(struct task_struct *target, const struct user_regset *regset,
		      struct membuf to)
{
	return membuf_write(&to, fpstate_of(target), sizeof(struct user_i387_struct));
}

static int state_set(struct task_struct *target, unsigned int limit, unsigned int pos,
		     unsigned int count, const void *kbuf, const void __user *ubuf)
{
	u8 *state = fpstate_of(target);
	int ret;

	ret = user_regset_copyin(&pos, &count, &kbuf, &ubuf, state, 0, limit);
	*(u64 *)(state + 512) |= 3;
	r3_fpu_sanitize(state);
	target->thread.fp_stamp = 0;
	return ret;
}

static int fpregs_set(struct task_struct *target, const struct user_regset *regset,
		      unsigned int pos, unsigned int count, const void *kbuf,
		      const void __user *ubuf)
{
	return state_set(target, sizeof(struct user_i387_struct), pos, count, kbuf, ubuf);
}

static int xstate_get(struct task_struct *target, const struct user_regset *regset,
		      struct membuf to)
{
	u8 *state = fpstate_of(target);

	/* Debuggers find the enabled components at the start of the software bytes. */
	membuf_write(&to, state, 464);
	membuf_write(&to, &r3_xfeatures, sizeof(r3_xfeatures));
	membuf_zero(&to, 40);
	return membuf_write(&to, state + 512, r3_xsave_size - 512);
}

static int xstate_set(struct task_struct *target, const struct user_regset *regset,
		      unsigned int pos, unsigned int count, const void *kbuf,
		      const void __user *ubuf)
{
	if (pos || count != r3_xsave_size)
		return -EFAULT;
	return state_set(target, r3_xsave_size, pos, count, kbuf, ubuf);
}

static struct user_regset regsets[] = {
	{
		.core_note_type = NT_PRSTATUS,
		.n = sizeof(struct user_regs_struct) / sizeof(long),
		.size = sizeof(long), .align = sizeof(long),
		.regset_get = genregs_get, .set = genregs_set,
	}, {
		.core_note_type = NT_PRFPREG,
		.n = sizeof(struct user_i387_struct) / sizeof(long),
		.size = sizeof(long), .align = sizeof(long),
		.regset_get = fpregs_get, .set = fpregs_set,
	}, {
		.core_note_type = NT_X86_XSTATE,
		.size = sizeof(long), .align = sizeof(long),
		.regset_get = xstate_get, .set = xstate_set,
	},
};

static const struct user_regset_view view = {
	.name = "x86_64", .e_machine = EM_X86_64,
	.regsets = regsets, .n = ARRAY_SIZE(regsets),
};

const struct user_regset_view *task_user_regset_view(struct task_struct *task)
{
	regsets[2].n = r3_xsave_size / sizeof(long);
	return &view;
}

void user_enable_single_step(struct task_struct *task)
{
	/* Steps are of the original code. */
	if (task->mm)
		r3_rewrite_off(task->mm);
	set_tsk_thread_flag(task, TIF_SINGLESTEP);
	task_pt_regs(task)->flags |= X86_EFLAGS_TF;
	set_task_syscall_work(task, SYSCALL_EXIT_TRAP);
}

void user_disable_single_step(struct task_struct *task)
{
	clear_task_syscall_work(task, SYSCALL_EXIT_TRAP);
	if (test_and_clear_tsk_thread_flag(task, TIF_SINGLESTEP))
		task_pt_regs(task)->flags &= ~X86_EFLAGS_TF;
}

/* Debug registers stay as they are, on x86-64 too. */
void ptrace_disable(struct task_struct *child)
{
	user_disable_single_step(child);
}

#define DEBUGREG(n) (offsetof(struct user, u_debugreg) + (n) * sizeof(long))

long arch_ptrace(struct task_struct *child, long request, unsigned long addr,
		 unsigned long data)
{
	unsigned long __user *datap = (unsigned long __user *)data;
	unsigned long val = 0;

	switch (request) {
	case PTRACE_PEEKUSR:
		if ((addr & 7) || addr >= sizeof(struct user))
			return -EIO;
		if (addr < sizeof(struct user_regs_struct))
			val = get_reg(child, addr);
		else if (addr >= DEBUGREG(0) && addr <= DEBUGREG(7))
			val = r3_debug_get(child, (addr - DEBUGREG(0)) / sizeof(long));
		return put_user(val, datap);

	case PTRACE_POKEUSR:
		if ((addr & 7) || addr >= sizeof(struct user))
			return -EIO;
		if (addr < sizeof(struct user_regs_struct))
			return put_reg(child, addr, data);
		if (addr >= DEBUGREG(0) && addr <= DEBUGREG(7))
			return r3_debug_set(child, (addr - DEBUGREG(0)) / sizeof(long), data);
		return -EIO;

	case PTRACE_GETREGS:
		return copy_regset_to_user(child, &view, 0, 0,
					   sizeof(struct user_regs_struct), datap);
	case PTRACE_SETREGS:
		return copy_regset_from_user(child, &view, 0, 0,
					     sizeof(struct user_regs_struct), datap);
	case PTRACE_GETFPREGS:
		return copy_regset_to_user(child, &view, 1, 0,
					   sizeof(struct user_i387_struct), datap);
	case PTRACE_SETFPREGS:
		return copy_regset_from_user(child, &view, 1, 0,
					     sizeof(struct user_i387_struct), datap);
	}
	if (request == PTRACE_ARCH_PRCTL) {
		switch (data) {
		case ARCH_SET_FS:
			return put_reg(child, offsetof(struct user_regs_struct, fs_base), addr);
		case ARCH_SET_GS:
			return put_reg(child, offsetof(struct user_regs_struct, gs_base), addr);
		case ARCH_GET_FS:
			return put_user(child->thread.fsbase, (unsigned long __user *)addr);
		case ARCH_GET_GS:
			return put_user(child->thread.gsbase, (unsigned long __user *)addr);
		}
		return -EIO;
	}
	return ptrace_request(child, request, addr, data);
}
