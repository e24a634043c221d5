/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_EXEC_H
#define _ASM_RING3_EXEC_H

extern unsigned long arch_align_stack(unsigned long sp);

#endif
