// SPDX-License-Identifier: GPL-2.0-only
/* Probes of a function's entry, by its call to the tracer: x86's file, built in place. */
#include <linux/kprobes.h>
#include <linux/ftrace.h>
#include <asm/insn.h>

#define CONFIG_X86_64 1
#include "../../x86/kernel/kprobes/ftrace.c"
