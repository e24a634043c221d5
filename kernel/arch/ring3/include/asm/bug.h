/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86's header, as for its 64-bit kernel; CONFIG_X86_64 itself stays undefined here.
 * Not where that means warnings whose arguments a trap finds in registers: ours are
 * printed by a function, as elsewhere.
 */
#include <asm/versions.h>
#pragma push_macro("CONFIG_X86_64")
#undef CONFIG_X86_64
#ifndef R3_X86_WARN_ARGS
#define CONFIG_X86_64 1
#endif
#include_next <asm/bug.h>
#pragma pop_macro("CONFIG_X86_64")
