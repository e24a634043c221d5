/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_THREAD_INFO_H
#define _ASM_RING3_THREAD_INFO_H

#include <asm/page.h>
#include <asm/cpufeature.h>

/* Host signal frames never lie on a task's stack, so x86's size will do. */
#ifdef CONFIG_KASAN
#define THREAD_SIZE_ORDER	3
#else
#define THREAD_SIZE_ORDER	2
#endif
#define THREAD_SIZE		(PAGE_SIZE << THREAD_SIZE_ORDER)
#define THREAD_ALIGN		THREAD_SIZE

#ifndef __ASSEMBLY__

struct thread_info {
	unsigned long	flags;
	unsigned long	syscall_work;
	unsigned int	cpu;
	int		preempt_count;
};

#define INIT_THREAD_INFO(tsk)				\
{							\
	.flags		= 0,				\
	.preempt_count	= INIT_PREEMPT_COUNT,		\
}

#endif

#ifdef CONFIG_HAVE_GENERIC_TIF_BITS
#define HAVE_TIF_NEED_RESCHED_LAZY
#define HAVE_TIF_POLLING_NRFLAG
#include <asm-generic/thread_info_tif.h>
#define TIF_SINGLESTEP		16
#define _TIF_SINGLESTEP		(1 << TIF_SINGLESTEP)
#else
#define TIF_NOTIFY_RESUME	1
#define TIF_SIGPENDING		2
#define TIF_NEED_RESCHED	3
#define TIF_SINGLESTEP		4
#define TIF_UPROBE		5
#define TIF_NOTIFY_SIGNAL	6
#define TIF_PATCH_PENDING	7
#define TIF_MEMDIE		8
#define TIF_POLLING_NRFLAG	9

#define _TIF_NOTIFY_RESUME	(1 << TIF_NOTIFY_RESUME)
#define _TIF_SIGPENDING		(1 << TIF_SIGPENDING)
#define _TIF_NEED_RESCHED	(1 << TIF_NEED_RESCHED)
#define _TIF_SINGLESTEP		(1 << TIF_SINGLESTEP)
#define _TIF_UPROBE		(1 << TIF_UPROBE)
#define _TIF_NOTIFY_SIGNAL	(1 << TIF_NOTIFY_SIGNAL)
#define _TIF_PATCH_PENDING	(1 << TIF_PATCH_PENDING)
#define _TIF_POLLING_NRFLAG	(1 << TIF_POLLING_NRFLAG)
#endif

#ifndef __ASSEMBLY__
#define arch_setup_new_exec arch_setup_new_exec
extern void arch_setup_new_exec(void);
#endif

#endif
