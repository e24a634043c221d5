// SPDX-License-Identifier: GPL-2.0-only
/* Registers by name, for kprobe events and the like. */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/sched/task_stack.h>
#include <asm/ptrace.h>

#define REG(n) { #n, offsetof(struct pt_regs, n) }

static const struct {
	const char *name;
	unsigned int offset;
} regs_table[] = {
	REG(r15), REG(r14), REG(r13), REG(r12), REG(r11), REG(r10), REG(r9), REG(r8),
	REG(bx), REG(cx), REG(dx), REG(si), REG(di), REG(bp), REG(ax), REG(orig_ax),
	REG(ip), REG(cs), REG(flags), REG(sp), REG(ss),
};

int regs_query_register_offset(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(regs_table); i++)
		if (!strcmp(regs_table[i].name, name))
			return regs_table[i].offset;
	return -EINVAL;
}

const char *regs_query_register_name(unsigned int offset)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(regs_table); i++)
		if (regs_table[i].offset == offset)
			return regs_table[i].name;
	return NULL;
}

unsigned long regs_get_kernel_stack_nth(struct pt_regs *regs, unsigned int n)
{
	unsigned long addr = regs->sp + n * sizeof(long);

	if ((addr & ~(THREAD_SIZE - 1)) != (regs->sp & ~(THREAD_SIZE - 1)))
		return 0;
	return *(unsigned long *)addr;
}

/* Of a function that has just been entered: the return address is on top of the stack. */
unsigned long regs_get_kernel_argument(struct pt_regs *regs, unsigned int n)
{
	const unsigned long in_regs[] = { regs->di, regs->si, regs->dx, regs->cx, regs->r8, regs->r9 };

	if (n < ARRAY_SIZE(in_regs))
		return in_regs[n];
	return regs_get_kernel_stack_nth(regs, n - ARRAY_SIZE(in_regs) + 1);
}
