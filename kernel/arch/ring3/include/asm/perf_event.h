/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_PERF_EVENT_H
#define _ASM_RING3_PERF_EVENT_H

/* There is no PMU: software events only. */
#define perf_arch_fetch_caller_regs(regs, __ip)			\
	do {							\
		(regs)->ip = (__ip);				\
		(regs)->sp = (unsigned long)__builtin_frame_address(0); \
		(regs)->cs = R3_KERNEL_CS;			\
		(regs)->flags = 0;				\
	} while (0)

#endif
