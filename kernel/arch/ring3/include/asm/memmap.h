/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_MEMMAP_H
#define _ASM_RING3_MEMMAP_H

#include <asm/versions.h>

/* Before the allocator has memory, and while nothing else runs. */
void r3_forget_zeroes(void);

#ifdef R3_MEMMAP_ON_DEMAND
/* Before the allocator knows of memory; right before, and right after it got all. */
void r3_memmap_init(void);
void r3_memmap_reserve(void);
void r3_memmap_start(void);
/*
 * Before a fault of user code: generic code accepts when little is free, but
 * that may be in pieces. Here a whole block is, as long as there are such.
 */
void r3_memmap_ahead(void);
#else
static inline void r3_memmap_init(void) { }
static inline void r3_memmap_reserve(void) { }
static inline void r3_memmap_start(void) { }
static inline void r3_memmap_ahead(void) { }
#endif

#endif
