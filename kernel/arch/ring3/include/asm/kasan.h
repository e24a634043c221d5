/* SPDX-License-Identifier: GPL-2.0-only */
/* KASAN's shadow: of the direct map and all behind it up to the shadow itself; see mm/kasan.c. */
#ifndef _ASM_RING3_KASAN_H
#define _ASM_RING3_KASAN_H

#include <linux/const.h>
#include <asm/page.h>

#define KASAN_SHADOW_SCALE_SHIFT 3
#define KASAN_SHADOW_START	R3_SHADOW_BASE
#define KASAN_SHADOW_END	(R3_SHADOW_BASE + R3_SHADOW_SIZE)

#ifndef __ASSEMBLY__

#ifdef CONFIG_KASAN
#define KASAN_SHADOW_OFFSET	_AC(CONFIG_KASAN_SHADOW_OFFSET, UL)

void kasan_init(void);
pte_t r3_kasan_shadow(unsigned long err);
long r3_kasan_drop(void);
#else
static inline void kasan_init(void) { }
static inline pte_t r3_kasan_shadow(unsigned long err) { return __pte(0); }
static inline long r3_kasan_drop(void) { return 0; }
#endif

#endif
#endif
