/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_HELD_H
#define _ASM_RING3_HELD_H

#include <linux/compiler.h>
#include <linux/types.h>

/*
 * For how long this guest was held from outside so far: in TSC cycles, or in ns where
 * the TSC is no clock. Whoever holds it adds to this before any of it goes on. It is
 * the last word of the vDSO's data page, vdso/data.c, so user code has it, too. From 6.15 on that
 * page is generic code's: there it is 0, and the image's header says that there is none.
 */
extern const volatile u64 r3_held __attribute__((visibility("hidden")));

/* A clock that stands still meanwhile. A hold may come between any two instructions. */
#define r3_unheld(clock)				\
({							\
	u64 __held, __now;				\
							\
	do {						\
		__held = r3_held;			\
		__now = (clock);			\
	} while (unlikely(__held != r3_held));		\
	__now - __held;					\
})

/* Did time stand still since the last look? At every interrupt; kernel/time.c. */
void r3_held_check(void);

#endif
