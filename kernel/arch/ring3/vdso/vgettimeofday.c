// SPDX-License-Identifier: GPL-2.0-only
/* The vDSO's functions, by the names that C libraries look up. */
#include <linux/time.h>
#include <linux/types.h>
#include <linux/kernel.h>
#include "../../../../lib/vdso/gettimeofday.c"

int __vdso_gettimeofday(struct __kernel_old_timeval *tv, struct timezone *tz);
int __vdso_gettimeofday(struct __kernel_old_timeval *tv, struct timezone *tz)
{
	return __cvdso_gettimeofday(tv, tz);
}
int gettimeofday(struct __kernel_old_timeval *, struct timezone *)
	__attribute__((weak, alias("__vdso_gettimeofday")));

__kernel_old_time_t __vdso_time(__kernel_old_time_t *t);
__kernel_old_time_t __vdso_time(__kernel_old_time_t *t)
{
	return __cvdso_time(t);
}
__kernel_old_time_t time(__kernel_old_time_t *t) __attribute__((weak, alias("__vdso_time")));

int __vdso_clock_gettime(clockid_t clock, struct __kernel_timespec *ts);
int __vdso_clock_gettime(clockid_t clock, struct __kernel_timespec *ts)
{
	return __cvdso_clock_gettime(clock, ts);
}
int clock_gettime(clockid_t, struct __kernel_timespec *)
	__attribute__((weak, alias("__vdso_clock_gettime")));

int __vdso_clock_getres(clockid_t clock, struct __kernel_timespec *res);
int __vdso_clock_getres(clockid_t clock, struct __kernel_timespec *res)
{
	return __cvdso_clock_getres(clock, res);
}
int clock_getres(clockid_t, struct __kernel_timespec *)
	__attribute__((weak, alias("__vdso_clock_getres")));

/* The CPU that user code could ask is the host's: only the kernel knows ours. */
struct getcpu_cache;
long __vdso_getcpu(unsigned int *cpu, unsigned int *node, R3_GETCPU_UNUSED *unused);
long __vdso_getcpu(unsigned int *cpu, unsigned int *node, R3_GETCPU_UNUSED *unused)
{
	long ret;

	asm volatile("syscall" : "=a" (ret)
		     : "0" (__NR_getcpu), "D" (cpu), "S" (node), "d" (unused)
		     : "rcx", "r11", "memory");
	return ret;
}
long getcpu(unsigned int *, unsigned int *, R3_GETCPU_UNUSED *)
	__attribute__((weak, alias("__vdso_getcpu")));
