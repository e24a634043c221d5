/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's header, as for its 64-bit kernel; CONFIG_X86_64 itself stays undefined here. */
/*
 * Whoever is waited for here may be on a vCPU that the host does not run: it
 * may have fewer CPUs than the guest.
 */
#ifndef __ASSEMBLY__
void r3_host_yield(void);
#endif
#define R3_SPINS_TO_YIELD	256

#define smp_cond_load_relaxed(ptr, cond_expr) ({			\
	typeof(ptr) __PTR = (ptr);					\
	__unqual_scalar_typeof(*ptr) VAL;				\
	unsigned int __spins = 0;					\
	for (;;) {							\
		VAL = READ_ONCE(*__PTR);				\
		if (cond_expr)						\
			break;						\
		cpu_relax();						\
		if (!(++__spins % R3_SPINS_TO_YIELD))			\
			r3_host_yield();				\
	}								\
	(typeof(*ptr))VAL;						\
})

#pragma push_macro("CONFIG_X86_64")
#undef CONFIG_X86_64
#define CONFIG_X86_64 1
#include_next <asm/barrier.h>
#pragma pop_macro("CONFIG_X86_64")
