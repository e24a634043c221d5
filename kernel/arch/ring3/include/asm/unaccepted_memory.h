/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What drivers/firmware/efi/unaccepted_memory.c asks of the architecture. Here
 * no firmware makes memory wait, see mm/memmap.c.
 */
#ifndef _ASM_RING3_UNACCEPTED_MEMORY_H
#define _ASM_RING3_UNACCEPTED_MEMORY_H

#include <linux/types.h>
#include <asm/versions.h>

struct efi_unaccepted_memory;

#ifdef R3_MEMMAP_ON_DEMAND
extern struct efi_unaccepted_memory *r3_unaccepted;

static inline struct efi_unaccepted_memory *efi_get_unaccepted_table(void)
{
	return r3_unaccepted;
}

void arch_accept_memory(phys_addr_t start, phys_addr_t end);
#else
static inline struct efi_unaccepted_memory *efi_get_unaccepted_table(void)
{
	return NULL;
}

static inline void arch_accept_memory(phys_addr_t start, phys_addr_t end) { }
#endif

#endif
