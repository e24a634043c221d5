/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_STACKPROTECTOR_H
#define _ASM_RING3_STACKPROTECTOR_H

#include <linux/random.h>


extern unsigned long __stack_chk_guard;

static __always_inline void boot_init_stack_canary(void)
{
	unsigned long canary = get_random_canary();

	current->stack_canary = canary;
	__stack_chk_guard = canary;
}

#endif
