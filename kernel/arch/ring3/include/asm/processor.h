/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_PROCESSOR_H
#define _ASM_RING3_PROCESSOR_H

#include <asm/habit.h>
#include <asm/page.h>
#include <asm/percpu.h>
#include <asm/ptrace.h>
#include <asm/fpu.h>
#include <asm/mutation.h>
#include <asm/vdso/processor.h>
#include <linux/cache.h>

#define TASK_SIZE		R3_USER_END
#define TASK_SIZE_MAX		R3_USER_END
#define TASK_SIZE_OF(tsk)	R3_USER_END
#define STACK_TOP		R3_TASK_SIZE
#define STACK_TOP_MAX		R3_TASK_SIZE
#define TASK_UNMAPPED_BASE	PAGE_ALIGN(R3_TASK_SIZE / 3)

#define ARCH_MIN_TASKALIGN	64
#define ARCH_MIN_MMSTRUCT_ALIGN	0

#ifndef __ASSEMBLY__

struct thread_struct {
	unsigned long sp;		/* kernel stack while switched out */
	unsigned long fsbase;		/* of user mode, while in the kernel */
	unsigned long gsbase;
	unsigned long cr2;		/* of the last user fault, for signals and core dumps */
	unsigned long trap_nr;
	unsigned long error_code;
	/*
	 * The frame in this vCPU's slot of the current space holds the user's
	 * vector state (fpu.state does not), see kernel/fpu.c.
	 */
	struct r3_slot_info *fp_slot;
	u64 fp_stamp;
	struct r3_habit habit;
	unsigned long fill_end;		/* where the last filling of private memory ended */
	unsigned long fill_size;	/* and how much that was */
	struct r3_debug *debug;		/* emulated debug registers, or NULL */
	struct r3_fpu fpu;		/* last: run-time size */
};

#define INIT_THREAD { }

DECLARE_PER_CPU(struct task_struct *, r3_current_task);

struct task_struct;
struct r3_slot_info;
void start_thread(struct pt_regs *regs, unsigned long ip, unsigned long sp);
unsigned long __get_wchan(struct task_struct *p);

/* prctl(PR_GET_TSC), PR_SET_TSC: kernel/syscalls.c */
int r3_get_tsc_mode(unsigned long addr);
int r3_set_tsc_mode(unsigned int mode);
#define GET_TSC_CTL(addr)	r3_get_tsc_mode(addr)
#define SET_TSC_CTL(mode)	r3_set_tsc_mode(mode)

#define task_pt_regs(task) \
	((struct pt_regs *)((unsigned long)task_stack_page(task) + THREAD_SIZE) - 1)
#define KSTK_EIP(task)	(task_pt_regs(task)->ip)
#define KSTK_ESP(task)	(task_pt_regs(task)->sp)

#define current_top_of_stack() ((unsigned long)task_stack_page(current) + THREAD_SIZE)

static inline void prefetch(const void *x)
{
	__builtin_prefetch(x);
}

#define ARCH_HAS_PREFETCHW
static inline void prefetchw(const void *x)
{
	/* Where it is not known, it is a NOP. */
	asm volatile("prefetchw %0" : : "m" (*(const char *)x));
}
#define ARCH_HAS_PREFETCH

static inline bool on_thread_stack(void)
{
	return true;
}

register unsigned long current_stack_pointer asm("rsp");

#endif
#endif
