/* SPDX-License-Identifier: GPL-2.0-only */
/* x86-64's struct pt_regs, so that its user ABI headers and tools fit. */
#ifndef _ASM_RING3_PTRACE_H
#define _ASM_RING3_PTRACE_H

#include <uapi/asm/ptrace.h>
#include <asm/processor-flags.h>

/* Selectors as user code sees them; a kernel frame has R3_KERNEL_CS. */
#define R3_USER_CS	0x33
#define R3_USER_DS	0x2b
#define R3_KERNEL_CS	0x10
#define R3_KERNEL_DS	0x18

#ifndef __ASSEMBLY__

#include <linux/types.h>

struct pt_regs {
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long bp;
	unsigned long bx;
	unsigned long r11;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long cs;
	unsigned long flags;
	unsigned long sp;
	unsigned long ss;
};

static __always_inline int user_mode(const struct pt_regs *regs)
{
	return !!(regs->cs & 3);
}

static inline unsigned long instruction_pointer(const struct pt_regs *regs)
{
	return regs->ip;
}
static inline void instruction_pointer_set(struct pt_regs *regs, unsigned long val)
{
	regs->ip = val;
}
static inline unsigned long user_stack_pointer(const struct pt_regs *regs)
{
	return regs->sp;
}
static inline unsigned long kernel_stack_pointer(const struct pt_regs *regs)
{
	return regs->sp;
}
static inline unsigned long frame_pointer(const struct pt_regs *regs)
{
	return regs->bp;
}
static inline unsigned long regs_return_value(const struct pt_regs *regs)
{
	return regs->ax;
}
static inline void regs_set_return_value(struct pt_regs *regs, unsigned long rc)
{
	regs->ax = rc;
}
static __always_inline bool regs_irqs_disabled(const struct pt_regs *regs)
{
	return !(regs->flags & X86_EFLAGS_IF);
}

#define GET_IP(regs)	((regs)->ip)
#define profile_pc(regs) instruction_pointer(regs)
#define arch_has_single_step()	(1)
#define arch_has_block_step()	(0)
#define force_successful_syscall_return()	do { } while (0)
#define current_user_stack_pointer() (current_pt_regs()->sp)

/* By name and by place on the stack, for kprobe events and BPF. */
extern int regs_query_register_offset(const char *name);
extern const char *regs_query_register_name(unsigned int offset);
#define MAX_REG_OFFSET	(offsetof(struct pt_regs, ss))

static inline unsigned long regs_get_register(struct pt_regs *regs, unsigned int offset)
{
	if (offset > MAX_REG_OFFSET)
		return 0;
	return *(unsigned long *)((unsigned long)regs + offset);
}
unsigned long regs_get_kernel_stack_nth(struct pt_regs *regs, unsigned int n);
unsigned long regs_get_kernel_argument(struct pt_regs *regs, unsigned int n);

#endif /* !__ASSEMBLY__ */
#endif
