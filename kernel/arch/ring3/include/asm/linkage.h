/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86's header, as for its 64-bit kernel; CONFIG_X86_64 itself stays undefined here.
 * notrace stays what it is for functions that leave room for a call.
 */
#pragma push_macro("CONFIG_X86_64")
#pragma push_macro("notrace")
#undef CONFIG_X86_64
#define CONFIG_X86_64 1
#include_next <asm/linkage.h>
#pragma pop_macro("notrace")
#pragma pop_macro("CONFIG_X86_64")
