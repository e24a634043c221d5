// SPDX-License-Identifier: GPL-2.0-only
#define COMPILE_OFFSETS
#include <linux/kbuild.h>
#include <linux/sched.h>
#include <asm/alternative.h>
#include <asm/extable.h>
#include <asm/ptrace.h>

int main(void);

int main(void)
{
	OFFSET(TASK_SP, task_struct, thread.sp);
#define PT(name, field) OFFSET(PT_##name, pt_regs, field)
	PT(R15, r15);
	PT(R14, r14);
	PT(R13, r13);
	PT(R12, r12);
	PT(BP, bp);
	PT(BX, bx);
	PT(R11, r11);
	PT(R10, r10);
	PT(R9, r9);
	PT(R8, r8);
	PT(AX, ax);
	PT(CX, cx);
	PT(DX, dx);
	PT(SI, si);
	PT(DI, di);
	PT(ORIG_AX, orig_ax);
	PT(IP, ip);
	PT(CS, cs);
	PT(FLAGS, flags);
	PT(SP, sp);
	PT(SS, ss);
	DEFINE(PT_SIZE, sizeof(struct pt_regs));
	/* What x86's macros for assembly want to know from 6.19 on. */
	DEFINE(EXTABLE_SIZE, sizeof(struct exception_table_entry));
	DEFINE(ALT_INSTR_SIZE, sizeof(struct alt_instr));
	return 0;
}
