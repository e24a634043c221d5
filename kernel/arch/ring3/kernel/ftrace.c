// SPDX-License-Identifier: GPL-2.0-only
/*
 * Function tracing: x86's file, built in place. It is 64-bit code to it from here on.
 * Only how a function's return is traced is ours: x86's looks at an address's sign to
 * see that a stack is the kernel's.
 */
#include <linux/ftrace.h>
#include <linux/hardirq.h>
#include <linux/memory.h>
#include <linux/module.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <trace/syscall.h>
#include <asm/ftrace.h>
#include <asm/nops.h>
#include <asm/text-patching.h>
#include <asm/versions.h>

#ifdef CONFIG_FUNCTION_GRAPH_TRACER
extern void return_to_handler(void);

void ftrace_graph_func(unsigned long ip, unsigned long parent_ip,
		       struct ftrace_ops *op, struct ftrace_regs *fregs)
{
	unsigned long *parent = (unsigned long *)ftrace_regs_get_stack_pointer(fregs);
	int bit;

	if (unlikely(ftrace_graph_is_dead()) || unlikely(atomic_read(&current->tracing_graph_pause)))
		return;
	bit = ftrace_test_recursion_trylock(ip, *parent);
	if (bit < 0)
		return;
	if (!r3_graph_enter(*parent, ip, parent, fregs))
		*parent = (unsigned long)&return_to_handler;
	ftrace_test_recursion_unlock(bit);
}
#endif

/* The compiler left five NOPs. */
int __ref ftrace_init_nop(struct module *mod, struct dyn_ftrace *rec)
{
	void *text = (void *)rec->ip;

	if (memcmp(text, "\x90\x90\x90\x90\x90", MCOUNT_INSN_SIZE))
		return -EINVAL;
	text_poke_early(text, x86_nops[MCOUNT_INSN_SIZE], MCOUNT_INSN_SIZE);
	return 0;
}

#undef CONFIG_FUNCTION_GRAPH_TRACER
#undef pr_fmt
#define CONFIG_X86_64 1
#define set_memory_ro(addr, n)	((void)(n))	/* nothing is protected */
#define x86_return_thunk NULL		/* there are none */
#include "../../x86/kernel/ftrace.c"
