/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies to and from memory that user code sees meanwhile: its own pages, and
 * slots. Each byte is read once and written once, in ascending order, and what
 * a single instruction of an x86-64 copies is copied by one here: a thread that
 * waits for a value may write its own over it as soon as it sees it.
 */
#ifndef _ASM_RING3_COPY_H
#define _ASM_RING3_COPY_H

#include <linux/types.h>
#include <linux/compiler.h>

#define R3_LONG_COPY	256

#define R3_COPY_ONE(type, to, from)					\
do {									\
	WRITE_ONCE(*(type *)(to), READ_ONCE(*(const type *)(from)));	\
	(to) += sizeof(type);						\
	(from) += sizeof(type);						\
} while (0)

static inline void r3_copy(void *to, const void *from, size_t len)
{
	size_t words = len / 8;

	if (len >= R3_LONG_COPY) {
		asm volatile("rep movsq" : "+c" (words), "+D" (to), "+S" (from) : : "memory");
		len %= 8;
	}
	for (; len >= 32; len -= 32) {
		R3_COPY_ONE(u64, to, from);
		R3_COPY_ONE(u64, to, from);
		R3_COPY_ONE(u64, to, from);
		R3_COPY_ONE(u64, to, from);
	}
	for (; len >= 8; len -= 8)
		R3_COPY_ONE(u64, to, from);
	if (len & 4)
		R3_COPY_ONE(u32, to, from);
	if (len & 2)
		R3_COPY_ONE(u16, to, from);
	if (len & 1)
		R3_COPY_ONE(u8, to, from);
}

static inline void r3_clear(void *to, size_t len)
{
	size_t words = len / 8;

	asm volatile("rep stosq" : "+c" (words), "+D" (to) : "a" (0UL) : "memory");
	for (len %= 8; len; len--)
		WRITE_ONCE(*(u8 *)to++, 0);
}

#endif
