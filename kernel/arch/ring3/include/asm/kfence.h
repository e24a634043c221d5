/* SPDX-License-Identifier: GPL-2.0-only */
/* See mm/vmap.c. */
#ifndef _ASM_RING3_KFENCE_H
#define _ASM_RING3_KFENCE_H

#include <linux/types.h>

bool r3_kfence_init(void);
bool r3_kfence_protect(unsigned long addr, bool protect);

static inline bool arch_kfence_init_pool(void)
{
	return r3_kfence_init();
}

static inline bool kfence_protect_page(unsigned long addr, bool protect)
{
	return r3_kfence_protect(addr, protect);
}

#endif
