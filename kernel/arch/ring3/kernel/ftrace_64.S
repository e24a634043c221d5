/* SPDX-License-Identifier: GPL-2.0-only */
/* What a traced function calls: x86's file, built in place. */
#define CONFIG_X86_64 1
#define STACK_FRAME_NON_STANDARD_FP(func)
#include "../../x86/kernel/ftrace_64.S"
