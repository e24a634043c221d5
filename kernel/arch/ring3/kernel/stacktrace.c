// SPDX-License-Identifier: GPL-2.0-only
/* Stack traces: by frame pointers if the kernel has them, else by guessing. */
#include <linux/ftrace.h>
#include <linux/kallsyms.h>
#include <linux/rethook.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/sched/task_stack.h>
#include <linux/stacktrace.h>
#include <asm/sections.h>
#include <asm/switch_to.h>
#include <asm/host.h>

static bool in_stack(struct task_struct *task, unsigned long sp)
{
	unsigned long base = (unsigned long)task_stack_page(task);

	return sp >= base && sp + sizeof(long) <= base + THREAD_SIZE && !(sp & 7);
}

/* What tracers have put another return address for. */
struct hooks {
	struct task_struct *task;
	int graph;
	struct llist_node *rethook;
};

static unsigned long before_hooks(struct hooks *h, unsigned long ret, unsigned long *where)
{
	ret = ftrace_graph_ret_addr(h->task, &h->graph, ret, where);
#ifdef CONFIG_RETHOOK
	if (is_rethook_trampoline(ret))
		ret = rethook_find_ret_addr(h->task, (unsigned long)where, &h->rethook);
#endif
	return ret;
}

static void walk(struct task_struct *task, unsigned long sp, unsigned long fp,
		 bool (*fn)(void *, unsigned long), void *cookie)
{
	struct hooks hooks = { .task = task };
#ifdef CONFIG_FRAME_POINTER
	for (;;) {
		unsigned long next, ret;

		/* Bit 0: struct pt_regs, by ENCODE_FRAME_POINTER. */
		if (fp & 1 && in_stack(task, fp - 1) && in_stack(task, fp - 1 + sizeof(struct pt_regs))) {
			struct pt_regs *regs = (void *)(fp - 1);

			ret = READ_ONCE_NOCHECK(regs->ip);
			next = READ_ONCE_NOCHECK(regs->bp);
			sp = fp - 1 + sizeof(*regs);
		} else if (in_stack(task, fp) && in_stack(task, fp + 8)) {
			ret = READ_ONCE_NOCHECK(*(unsigned long *)(fp + 8));
			next = READ_ONCE_NOCHECK(*(unsigned long *)fp);
			sp = fp + 8;
		} else {
			return;
		}
		ret = before_hooks(&hooks, ret, (unsigned long *)sp);
		if (!__kernel_text_address(ret) || !fn(cookie, ret) || (next & ~1UL) <= (fp & ~1UL))
			return;
		fp = next;
	}
#else
	for (sp = ALIGN(sp, 8); in_stack(task, sp); sp += 8) {
		unsigned long val = READ_ONCE_NOCHECK(*(unsigned long *)sp);

		val = before_hooks(&hooks, val, (unsigned long *)sp);
		if (__kernel_text_address(val) && !fn(cookie, val))
			return;
	}
#endif
}

noinline notrace void arch_stack_walk(stack_trace_consume_fn fn, void *cookie,
				      struct task_struct *task, struct pt_regs *regs)
{
	if (regs && !user_mode(regs)) {
		if (!fn(cookie, regs->ip))
			return;
		walk(task ?: current, regs->sp, regs->bp, fn, cookie);
	} else if (!task || task == current) {
		walk(current, current_stack_pointer,
		     (unsigned long)__builtin_frame_address(0), fn, cookie);
	} else {
		struct inactive_task_frame *frame = (void *)task->thread.sp;

		if (!in_stack(task, (unsigned long)frame))
			return;
		if (!fn(cookie, frame->ret_addr))
			return;
		walk(task, (unsigned long)(frame + 1), frame->bp, fn, cookie);
	}
}

struct print {
	const char *loglvl;
};

static bool print_entry(void *cookie, unsigned long addr)
{
	struct print *p = cookie;

	printk("%s %s%pBb\n", p->loglvl, IS_ENABLED(CONFIG_FRAME_POINTER) ? "" : "? ",
	       (void *)addr);
	return true;
}

void show_stack(struct task_struct *task, unsigned long *sp, const char *loglvl)
{
	struct print p = { .loglvl = loglvl };

	printk("%sCall Trace:\n", loglvl);
	if (task && task != current && !try_get_task_stack(task))
		return;
	arch_stack_walk(print_entry, &p, task, NULL);
	if (task && task != current)
		put_task_stack(task);
}

static bool first_outside_sched(void *cookie, unsigned long addr)
{
	if (in_sched_functions(addr))
		return true;
	*(unsigned long *)cookie = addr;
	return false;
}

unsigned long __get_wchan(struct task_struct *p)
{
	unsigned long addr = 0;

	if (!try_get_task_stack(p))
		return 0;
	arch_stack_walk(first_outside_sched, &addr, p, NULL);
	put_task_stack(p);
	return addr;
}

void show_regs(struct pt_regs *regs)
{
	show_regs_print_info(KERN_DEFAULT);
	printk(KERN_DEFAULT "RIP: %04lx:%pS\n", regs->cs, (void *)regs->ip);
	printk(KERN_DEFAULT "RSP: %04lx:%016lx EFLAGS: %08lx ORIG_RAX: %016lx\n",
	       regs->ss, regs->sp, regs->flags, regs->orig_ax);
	printk(KERN_DEFAULT "RAX: %016lx RBX: %016lx RCX: %016lx\n", regs->ax, regs->bx, regs->cx);
	printk(KERN_DEFAULT "RDX: %016lx RSI: %016lx RDI: %016lx\n", regs->dx, regs->si, regs->di);
	printk(KERN_DEFAULT "RBP: %016lx R08: %016lx R09: %016lx\n", regs->bp, regs->r8, regs->r9);
	printk(KERN_DEFAULT "R10: %016lx R11: %016lx R12: %016lx\n",
	       regs->r10, regs->r11, regs->r12);
	printk(KERN_DEFAULT "R13: %016lx R14: %016lx R15: %016lx\n",
	       regs->r13, regs->r14, regs->r15);
	if (!user_mode(regs)) {
		struct print p = { .loglvl = KERN_DEFAULT };

		printk(KERN_DEFAULT "Call Trace:\n");
		arch_stack_walk(print_entry, &p, current, regs);
	}
}
