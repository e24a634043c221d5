/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_MMAN_H
#define _ASM_RING3_MMAN_H

#include_next <asm/mman.h>

/* Where the guest maps something the site table has to go. */
int r3_mmap_check(unsigned long addr, unsigned long len);
/* Without a wish for an address nothing is placed that low. */
#define arch_mmap_check(addr, len, flags) \
	((addr) || ((flags) & MAP_FIXED) ? r3_mmap_check(addr, len) : 0)

#endif
