/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's header, as for its 64-bit kernel; CONFIG_X86_64 itself stays undefined here. */
#pragma push_macro("CONFIG_X86_64")
#undef CONFIG_X86_64
#define CONFIG_X86_64 1
#include_next <asm/uprobes.h>
#pragma pop_macro("CONFIG_X86_64")
