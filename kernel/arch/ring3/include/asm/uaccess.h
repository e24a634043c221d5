/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User memory is not mapped where the kernel runs. Every access walks the page
 * tables and goes through the direct map; see mm/uaccess.c.
 */
#ifndef _ASM_RING3_UACCESS_H
#define _ASM_RING3_UACCESS_H

#include <linux/compiler.h>
#include <linux/string.h>
#include <asm/page.h>
#include <asm/processor.h>
#include <asm/asm.h>
#include <asm/extable.h>
#include <asm-generic/access_ok.h>

unsigned long r3_copy_from_user(void *to, const void __user *from, unsigned long n);
unsigned long r3_copy_to_user(void __user *to, const void *from, unsigned long n);
unsigned long __clear_user(void __user *to, unsigned long n);
long strncpy_from_user(char *dst, const char __user *src, long count);
long strnlen_user(const char __user *s, long n);

#define raw_copy_from_user	r3_copy_from_user
#define raw_copy_to_user	r3_copy_to_user
#define INLINE_COPY_FROM_USER
#define INLINE_COPY_TO_USER

static inline unsigned long clear_user(void __user *to, unsigned long n)
{
	might_fault();
	return access_ok(to, n) ? __clear_user(to, n) : n;
}

#define __get_user(x, ptr)						\
({									\
	unsigned long __gu_val = 0;					\
	int __gu_err;							\
	BUILD_BUG_ON(sizeof(*(ptr)) > sizeof(__gu_val));		\
	__gu_err = r3_copy_from_user(&__gu_val, (ptr), sizeof(*(ptr))) ? \
		   -EFAULT : 0;						\
	if (unlikely(__gu_err))						\
		__gu_val = 0;						\
	(x) = (__force __typeof__(*(ptr)))__gu_val;			\
	__gu_err;							\
})

#define __put_user(x, ptr)						\
({									\
	__typeof__(*(ptr)) __pu_val = (__typeof__(*(ptr)))(x);		\
	r3_copy_to_user((ptr), &__pu_val, sizeof(__pu_val)) ? -EFAULT : 0; \
})

#define get_user(x, ptr)						\
({									\
	const __typeof__(*(ptr)) __user *__gu_p = (ptr);		\
	might_fault();							\
	access_ok(__gu_p, sizeof(*__gu_p)) ?				\
		__get_user(x, __gu_p) : ((x) = (__typeof__(*(ptr)))0, -EFAULT); \
})

#define put_user(x, ptr)						\
({									\
	__typeof__(*(ptr)) __user *__pu_p = (ptr);			\
	__typeof__(*(ptr)) __pu_x = (x);				\
	might_fault();							\
	access_ok(__pu_p, sizeof(*__pu_p)) ?				\
		__put_user(__pu_x, __pu_p) : -EFAULT;			\
})

/* Kernel memory that may not be there. */
#define __get_kernel_nofault(dst, src, type, err_label)			\
do {									\
	int __kr_err = 0;						\
	type __kr_val;							\
	asm volatile("1: mov %[in], %[val]\n"				\
		     "2:\n"						\
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_EFAULT_REG, %[err]) \
		     : [err] "+r" (__kr_err), [val] "=r" (__kr_val)	\
		     : [in] "m" (*(const type *)(src)));		\
	if (unlikely(__kr_err))						\
		goto err_label;						\
	*(type *)(dst) = __kr_val;					\
} while (0)

#define __put_kernel_nofault(dst, src, type, err_label)			\
do {									\
	int __kw_err = 0;						\
	asm volatile("1: mov %[val], %[out]\n"				\
		     "2:\n"						\
		     _ASM_EXTABLE_TYPE_REG(1b, 2b, EX_TYPE_EFAULT_REG, %[err]) \
		     : [err] "+r" (__kw_err), [out] "=m" (*(type *)(dst)) \
		     : [val] "r" (*(const type *)(src)));		\
	if (unlikely(__kw_err))						\
		goto err_label;						\
} while (0)

#endif
