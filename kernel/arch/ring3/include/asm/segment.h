/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's names of selectors. */
#ifndef _ASM_RING3_SEGMENT_H
#define _ASM_RING3_SEGMENT_H

#include <asm/ptrace.h>

#define __KERNEL_CS	R3_KERNEL_CS
#define __KERNEL_DS	R3_KERNEL_DS
#define __USER_CS	R3_USER_CS
#define __USER_DS	R3_USER_DS

#endif
