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

#endif
