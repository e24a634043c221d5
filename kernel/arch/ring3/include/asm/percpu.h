/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's per-CPU operations through %gs, less what needs its run-time patching. */
#ifndef _ASM_RING3_PERCPU_H
#define _ASM_RING3_PERCPU_H

#pragma push_macro("CONFIG_X86_64")
#undef CONFIG_X86_64
#define CONFIG_X86_64 1
#include_next <asm/percpu.h>
#pragma pop_macro("CONFIG_X86_64")

#ifndef __ASSEMBLY__

#ifdef this_cpu_try_cmpxchg128

#define r3_percpu_try_cmpxchg128(pcp, ovalp, nval)			\
({									\
	u128 *__op = (u128 *)(ovalp);					\
	u128 __o = *__op, __n = (nval);					\
	u64 __ol = (u64)__o, __oh = (u64)(__o >> 64);			\
	bool __ok;							\
	asm volatile("cmpxchg16b %%gs:%[var]"				\
		     : "=@ccz" (__ok), [var] "+m" (pcp),		\
		       "+a" (__ol), "+d" (__oh)				\
		     : "b" ((u64)__n), "c" ((u64)(__n >> 64))		\
		     : "memory");					\
	if (unlikely(!__ok))						\
		*__op = ((u128)__oh << 64) | __ol;			\
	likely(__ok);							\
})
#define r3_percpu_cmpxchg128(pcp, oval, nval)				\
({									\
	u128 __old = (oval);						\
	r3_percpu_try_cmpxchg128(pcp, &__old, nval);			\
	__old;								\
})
#undef this_cpu_try_cmpxchg128
#undef raw_cpu_try_cmpxchg128
#undef this_cpu_cmpxchg128
#undef raw_cpu_cmpxchg128
#define this_cpu_try_cmpxchg128(p, o, n) r3_percpu_try_cmpxchg128(p, o, n)
#define raw_cpu_try_cmpxchg128(p, o, n)	r3_percpu_try_cmpxchg128(p, o, n)
#define this_cpu_cmpxchg128(p, o, n)	r3_percpu_cmpxchg128(p, o, n)
#define raw_cpu_cmpxchg128(p, o, n)	r3_percpu_cmpxchg128(p, o, n)

#else /* before 6.5 */

#undef this_cpu_cmpxchg_double_8
#undef raw_cpu_cmpxchg_double_8
#define this_cpu_cmpxchg_double_8(pcp1, pcp2, o1, o2, n1, n2)		\
({									\
	typeof(o1) __o1 = (o1);						\
	typeof(o2) __o2 = (o2);						\
	bool __ok;							\
	asm volatile("cmpxchg16b %%gs:%[p1]"				\
		     : "=@ccz" (__ok), [p1] "+m" (pcp1), "+m" (pcp2),	\
		       "+a" (__o1), "+d" (__o2)				\
		     : "b" (n1), "c" (n2) : "memory");			\
	__ok;								\
})
#define raw_cpu_cmpxchg_double_8 this_cpu_cmpxchg_double_8

#endif
#endif /* !__ASSEMBLY__ */
#endif
