/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_STRING_H
#define _ASM_RING3_STRING_H

/* x86's assembly, built in place. */
#define __HAVE_ARCH_MEMCPY
extern void *memcpy(void *to, const void *from, size_t len);
extern void *__memcpy(void *to, const void *from, size_t len);
#define __HAVE_ARCH_MEMSET
extern void *memset(void *s, int c, size_t n);
extern void *__memset(void *s, int c, size_t n);
#define __HAVE_ARCH_MEMMOVE
extern void *memmove(void *dest, const void *src, size_t count);
extern void *__memmove(void *dest, const void *src, size_t count);

#define R3_LONG_COPY	256

/* memcpy() moves eight bytes at a time, as no alternative is patched into it. */
static inline void r3_copy(void *to, const void *from, size_t len)
{
	size_t words = len / 8;

	if (len >= R3_LONG_COPY) {
		asm volatile("rep movsq" : "+c" (words), "+D" (to), "+S" (from) : : "memory");
		len %= 8;
	}
	if (len)
		memcpy(to, from, len);
}

#endif
