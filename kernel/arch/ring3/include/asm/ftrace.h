/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86's header, as for its 64-bit kernel; CONFIG_X86_64 itself stays undefined here.
 * Where its compiler calls __fentry__, ours leaves room for a call: -pg would go
 * through a GOT in position-independent code.
 */
#ifndef _ASM_RING3_FTRACE_H
#define _ASM_RING3_FTRACE_H

#include <asm/segment.h>

#pragma push_macro("CONFIG_X86_64")
#pragma push_macro("CC_USING_FENTRY")
#undef CONFIG_X86_64
#undef CC_USING_FENTRY
#define CONFIG_X86_64 1
#define CC_USING_FENTRY 1
#define arch_syscall_match_sym_name r3_x86_syscall_match_sym_name
#include_next <asm/ftrace.h>
#undef arch_syscall_match_sym_name
#pragma pop_macro("CC_USING_FENTRY")
#pragma pop_macro("CONFIG_X86_64")

#ifndef __ASSEMBLY__

#ifdef CONFIG_DYNAMIC_FTRACE
struct module;
struct dyn_ftrace;
#define ftrace_init_nop ftrace_init_nop
int ftrace_init_nop(struct module *mod, struct dyn_ftrace *rec);
#endif

/* The table has sys_NAME, whose address is also that of __se_sys_NAME. */
static inline bool arch_syscall_match_sym_name(const char *sym, const char *name)
{
	if (!strncmp(sym, "__se_", 5))
		sym += 5;
	return !strcmp(sym + 3, name + 3);
}

#endif /* !__ASSEMBLY__ */
#endif
