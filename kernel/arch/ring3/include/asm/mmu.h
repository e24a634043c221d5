/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_MMU_H
#define _ASM_RING3_MMU_H

struct r3_space;

typedef struct {
	struct r3_space *space;		/* NULL until user code first runs */
	unsigned long vdso;		/* where the vDSO's code is mapped, 0 if not */
} mm_context_t;

#endif
