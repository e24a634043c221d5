// SPDX-License-Identifier: GPL-2.0-only
/* Faults of kernel instructions that are prepared for them. */
#include <linux/extable.h>
#include <linux/bitfield.h>
#include <linux/uaccess.h>
#include <asm/extable.h>
#include <asm/extable_fixup_types.h>
#include <asm/ptrace.h>
#include <asm/traps.h>

/* Registers as the instruction encoding numbers them. */
static unsigned long *reg_by_number(struct pt_regs *regs, unsigned int nr)
{
	static const u8 offset[16] = {
		offsetof(struct pt_regs, ax) / 8, offsetof(struct pt_regs, cx) / 8,
		offsetof(struct pt_regs, dx) / 8, offsetof(struct pt_regs, bx) / 8,
		offsetof(struct pt_regs, sp) / 8, offsetof(struct pt_regs, bp) / 8,
		offsetof(struct pt_regs, si) / 8, offsetof(struct pt_regs, di) / 8,
		offsetof(struct pt_regs, r8) / 8, offsetof(struct pt_regs, r9) / 8,
		offsetof(struct pt_regs, r10) / 8, offsetof(struct pt_regs, r11) / 8,
		offsetof(struct pt_regs, r12) / 8, offsetof(struct pt_regs, r13) / 8,
		offsetof(struct pt_regs, r14) / 8, offsetof(struct pt_regs, r15) / 8,
	};

	return (unsigned long *)regs + offset[nr & 15];
}

bool r3_fixup_exception(struct pt_regs *regs)
{
	const struct exception_table_entry *e = search_exception_tables(regs->ip);
	int imm;

	if (!e)
		return false;
	imm = FIELD_GET(EX_DATA_IMM_MASK, e->data);
	switch (FIELD_GET(EX_DATA_TYPE_MASK, e->data)) {
	case EX_TYPE_DEFAULT:
	case EX_TYPE_FAULT:
	case EX_TYPE_UACCESS:
		break;
	case EX_TYPE_IMM_REG:
		*reg_by_number(regs, FIELD_GET(EX_DATA_REG_MASK, e->data)) = (long)imm;
		break;
	case EX_TYPE_BPF:
		return ex_handler_bpf(e, regs);
	default:
		return false;
	}
	regs->ip = (unsigned long)&e->fixup + e->fixup;
	return true;
}
