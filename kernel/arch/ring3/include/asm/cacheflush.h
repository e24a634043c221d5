/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_CACHEFLUSH_H
#define _ASM_RING3_CACHEFLUSH_H

#include <linux/types.h>

/* Kernel mappings outside the direct map are made real here. */
#define flush_cache_vmap flush_cache_vmap
void flush_cache_vmap(unsigned long start, unsigned long end);
#define flush_cache_vmap_early(start, end) flush_cache_vmap(start, end)

#include <asm-generic/cacheflush.h>

#endif
