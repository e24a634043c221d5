// SPDX-License-Identifier: GPL-2.0-only
/*
 * Probes: x86's file, built in place. It is 64-bit code to it from here on.
 *
 * It executes an instruction elsewhere with interrupts off and then restores the
 * flag, which is no flag here but a word in memory (asm/irqflags.h): an instruction
 * that uses that word cannot be probed.
 */
#include <linux/execmem.h>
#include <linux/extable.h>
#include <linux/ftrace.h>
#include <linux/hardirq.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/perf_event.h>
#include <linux/ptrace.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/alternative.h>
#include <asm/insn.h>
#include <asm/sections.h>
#include <asm/text-patching.h>
#include <asm/traps.h>
#include <asm/versions.h>

/* Hardware's, and not needed. */
#define _ASM_X86_DESC_H
#define _ASM_X86_DEBUGREG_H
/* No instruction is replaced at run time by another for a CPU. */
#define alternatives_text_reserved(start, end)	0
#define arch_prepare_kprobe			x86_prepare_kprobe

#define CONFIG_X86_64 1
int x86_prepare_kprobe(struct kprobe *p);
#include "../../x86/kernel/kprobes/core.c"
#undef arch_prepare_kprobe

static bool uses_irq_flag(struct kprobe *p)
{
	kprobe_opcode_t buf[MAX_INSN_SIZE];
	unsigned long at, flag = (unsigned long)&r3_irq_off;
	struct insn insn;

	at = recover_probed_instruction(buf, (unsigned long)p->addr);
	if (!at || insn_decode_kernel(&insn, (void *)at) || !insn_rip_relative(&insn))
		return false;
	at = (unsigned long)p->addr + insn.length + insn.displacement.value;
	return at == flag;
}

int arch_prepare_kprobe(struct kprobe *p)
{
	return uses_irq_flag(p) ? -EOPNOTSUPP : x86_prepare_kprobe(p);
}
