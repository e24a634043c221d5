// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes in user code: x86's file, built in place. It is 64-bit code to it from here on.
 * A page with a breakpoint is the process's own, so no system call in it is rewritten
 * (mm/copies.c). The trap, and that of the step over the instruction, come from the
 * guest thread: kernel/usertraps.c.
 */
#include <linux/kdebug.h>
#include <linux/kernel.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <linux/syscalls.h>
#include <linux/uaccess.h>
#include <linux/uprobes.h>
#include <asm/insn.h>
#include <asm/processor.h>
#include <asm/shstk.h>
#include <asm/text-patching.h>
#include <asm/versions.h>

/* All is 64-bit, and the CPU's block steps and shadow stacks are the host's. */
#define user_64bit_mode(regs)		((void)(regs), true)
#define is_64bit_mm(mm)			true
#define TIF_BLOCKSTEP			31
#define set_task_blockstep(task, on)	do { } while (0)

/* A function that returns to a probe meets a breakpoint, as on other architectures. */
#define arch_uprobe_trampoline		x86_uprobe_trampoline
static __maybe_unused void *x86_uprobe_trampoline(unsigned long *psize);

#define CONFIG_X86_64 1
#include "../../x86/kernel/uprobes.c"
