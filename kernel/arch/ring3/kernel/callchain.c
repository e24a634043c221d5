// SPDX-License-Identifier: GPL-2.0-only
/* Stack traces for perf and for BPF programs: of the kernel, and of user code by frame pointers. */
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/stacktrace.h>
#include <linux/uaccess.h>
#include <asm/processor-flags.h>

static bool store(void *ctx, unsigned long addr)
{
	return !perf_callchain_store(ctx, addr);
}

void perf_callchain_kernel(struct perf_callchain_entry_ctx *ctx, struct pt_regs *regs)
{
	struct pt_regs caller;

	/* Of a tracepoint's caller there are but address and frame: asm/perf_event.h. */
	if (!(regs->flags & X86_EFLAGS_FIXED)) {
		caller = (struct pt_regs){ .ip = regs->ip, .cs = regs->cs };
		if (IS_ENABLED(CONFIG_FRAME_POINTER))
			caller.bp = *(unsigned long *)regs->sp;
		caller.sp = regs->sp + 2 * sizeof(long);
		regs = &caller;
	}
	arch_stack_walk(store, ctx, current, regs);
}

/* What generic code calls this for may be in an interrupt: nothing is brought in. */
void perf_callchain_user(struct perf_callchain_entry_ctx *ctx, struct pt_regs *regs)
{
	unsigned long fp = regs->bp;
	struct {
		unsigned long next, ret;
	} frame;

	if (perf_callchain_store(ctx, regs->ip) || !current->mm)
		return;
	pagefault_disable();
	while (ctx->nr < ctx->max_stack && fp && !(fp & 7) &&
	       access_ok((void __user *)fp, sizeof(frame)) &&
	       !__copy_from_user_inatomic(&frame, (void __user *)fp, sizeof(frame)) &&
	       !perf_callchain_store(ctx, frame.ret) && frame.next > fp)
		fp = frame.next;
	pagefault_enable();
}
