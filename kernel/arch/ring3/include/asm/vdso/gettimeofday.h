/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading clocks in user mode; runs in guest processes, not in the kernel. */
#ifndef _ASM_RING3_VDSO_GETTIMEOFDAY_H
#define _ASM_RING3_VDSO_GETTIMEOFDAY_H

#ifndef __ASSEMBLY__

#include <uapi/linux/time.h>
#include <asm/unistd.h>
#include <vdso/datapage.h>
#include <asm/versions.h>

#define VDSO_HAS_TIME		1
#define VDSO_HAS_CLOCK_GETRES	1

#ifndef R3_OLD_VDSO_DATA
#define vdso_data	vdso_time_data
#else
/* Placed by vdso.lds before the code. */
extern struct vdso_data vvar_page __attribute__((visibility("hidden")));
#ifdef CONFIG_TIME_NS
extern struct vdso_data timens_page __attribute__((visibility("hidden")));
#endif
#endif

static __always_inline long vdso_syscall2(long nr, const volatile void *a, const volatile void *b)
{
	long ret;

	asm volatile("syscall" : "=a" (ret) : "0" (nr), "D" (a), "S" (b)
		     : "rcx", "r11", "memory");
	return ret;
}

static __always_inline long clock_gettime_fallback(clockid_t clk, struct __kernel_timespec *ts)
{
	return vdso_syscall2(__NR_clock_gettime, (void *)(long)clk, ts);
}

static __always_inline long gettimeofday_fallback(struct __kernel_old_timeval *tv,
						  struct timezone *tz)
{
	return vdso_syscall2(__NR_gettimeofday, tv, tz);
}

static __always_inline long clock_getres_fallback(clockid_t clk, struct __kernel_timespec *ts)
{
	return vdso_syscall2(__NR_clock_getres, (void *)(long)clk, ts);
}

static __always_inline u64 __arch_get_hw_counter(s32 clock_mode, const struct vdso_data *vd)
{
	/* r3_held, see asm/held.h: the page's last word. */
	const volatile u64 *held = (const u64 *)((unsigned long)vd | (4096 - sizeof(u64)));
	u64 before;
	u32 lo, hi;

	do {
		before = *held;
		asm volatile("lfence; rdtsc" : "=a" (lo), "=d" (hi) :: "memory");
	} while (__builtin_expect(before != *held, 0));
	return (((u64)hi << 32) | lo) - before;
}

#ifdef R3_OLD_VDSO_DATA
static __always_inline const struct vdso_data *__arch_get_vdso_data(void)
{
	return &vvar_page;
}

#ifdef CONFIG_TIME_NS
static __always_inline
const struct vdso_data *__arch_get_timens_vdso_data(const struct vdso_data *vd)
{
	return &timens_page;
}
#endif
#endif

#endif
#endif
