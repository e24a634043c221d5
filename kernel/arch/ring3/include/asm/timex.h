/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_TIMEX_H
#define _ASM_RING3_TIMEX_H

typedef unsigned long long cycles_t;

static __always_inline cycles_t rdtsc_ordered(void)
{
	unsigned int lo, hi;

	asm volatile("lfence; rdtsc" : "=a" (lo), "=d" (hi) :: "memory");
	return ((u64)hi << 32) | lo;
}

static inline cycles_t get_cycles(void)
{
	unsigned int lo, hi;

	asm volatile("rdtsc" : "=a" (lo), "=d" (hi));
	return ((u64)hi << 32) | lo;
}
#define get_cycles get_cycles

#define random_get_entropy() ((unsigned long)get_cycles())

#endif
