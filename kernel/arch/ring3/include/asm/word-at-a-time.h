/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_WORD_AT_A_TIME_H
#define _ASM_RING3_WORD_AT_A_TIME_H

/* x86's fixup of this load decodes the instruction; ours jumps to code. */
#define load_unaligned_zeropad x86_load_unaligned_zeropad
#pragma push_macro("CONFIG_X86_64")
#undef CONFIG_X86_64
#define CONFIG_X86_64 1
#include_next <asm/word-at-a-time.h>
#pragma pop_macro("CONFIG_X86_64")
#undef load_unaligned_zeropad

#include <asm/asm.h>

static inline unsigned long load_unaligned_zeropad(const void *addr)
{
	unsigned long ret, shift;

	asm volatile("1:	movq (%[addr]), %[ret]\n"
		     "2:\n"
		     "	.subsection 1\n"
		     "3:	movq %[addr], %[ret]\n"
		     "	andq $-8, %[ret]\n"
		     "	movq (%[ret]), %[ret]\n"
		     "	movl %k[addr], %%ecx\n"
		     "	andl $7, %%ecx\n"
		     "	shll $3, %%ecx\n"
		     "	shrq %%cl, %[ret]\n"
		     "	jmp 2b\n"
		     "	.previous\n"
		     _ASM_EXTABLE(1b, 3b)
		     : [ret] "=&r" (ret), "=&c" (shift)
		     : [addr] "r" (addr), "m" (*(const unsigned long *)addr));
	return ret;
}

#endif
