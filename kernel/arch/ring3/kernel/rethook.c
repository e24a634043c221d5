// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function's return, hooked: its return address is that of arch_rethook_trampoline
 * (host/entry.S), which lays struct pt_regs below the place where that address was.
 */
#include <linux/kprobes.h>
#include <linux/rethook.h>
#include <asm/entry.h>
#include <asm/ptrace.h>

asmlinkage __visible void r3_rethook(struct pt_regs *regs)
{
	rethook_trampoline_handler(regs, (unsigned long)(regs + 1));
}
NOKPROBE_SYMBOL(r3_rethook);

/* Where to go on. */
void arch_rethook_fixup_return(struct pt_regs *regs, unsigned long addr)
{
	*(unsigned long *)(regs + 1) = addr;
}
NOKPROBE_SYMBOL(arch_rethook_fixup_return);

/* regs: where the function was entered. */
void arch_rethook_prepare(struct rethook_node *node, struct pt_regs *regs, bool mcount)
{
	unsigned long *ret = (unsigned long *)regs->sp;

	node->ret_addr = *ret;
	node->frame = regs->sp;
	*ret = (unsigned long)arch_rethook_trampoline;
}
NOKPROBE_SYMBOL(arch_rethook_prepare);
