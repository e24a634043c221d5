/* SPDX-License-Identifier: GPL-2.0-only */
/* Between struct pt_regs and the host's signal frame in a slot. */
#ifndef _ASM_RING3_EVENT_H
#define _ASM_RING3_EVENT_H

struct pt_regs;
struct r3_slot_info;

/* What a guest thread stopped for; of R3_SIG_FAST only sig and site are set. */
struct r3_event {
	int sig;			/* host signal or R3_SIG_FAST, 0 if its frame makes no sense */
	int code;			/* si_code */
	unsigned long addr;		/* si_addr; of a system call, si_call_addr */
	u32 arch;			/* of a system call, AUDIT_ARCH_* */
	unsigned long trap_nr, err, cr2;
	unsigned long ip;		/* where the signal found it */
	u32 site;			/* of R3_SIG_FAST */
	bool breakpoint;		/* the kernel's own word: an instruction breakpoint */
};

void r3_frame_put(struct r3_slot_info *info, const struct pt_regs *regs, unsigned int cpu);
void r3_frame_get(struct r3_slot_info *info, struct pt_regs *regs, struct r3_event *ev,
		  unsigned int cpu);

#endif
