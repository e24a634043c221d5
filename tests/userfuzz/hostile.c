// SPDX-License-Identifier: GPL-2.0-or-later
/* What programs do not. */
#include <sys/syscall.h>
#include <ucontext.h>

#include "userfuzz.h"

void hostile_step(void)
{
	struct r3_slot *slot = (void *)(R3_STUB_SLOTS + rnd(cpus()) * R3_SLOT_STRIDE);
	struct regs regs;
	struct frame *frame;
	int i, n;

	board->steps++;
	trying = 1;
	if (!TRY()) {
		trying = 0;
		return;
	}
	switch (rnd(6)) {
	case 0: case 1:
		for (i = 0; i < 3; i++)		/* inside of instructions */
			call_at(code[0] + rnd(PAGES) * PAGE + functions[rnd(2)].at + 2 + 5 * rnd(2), SYS_getpid, 0, 0);
		break;
	case 2:
		((volatile unsigned int *)slot)[rnd(128)] = rnd(4);
		break;
	case 3:
		/* An event that never happened: any signal, anywhere; or a kick in a trampoline. */
		if (!slot->uc || !slot->info)
			break;
		frame = (void *)slot->uc;
		n = rnd(8);
		for (i = 0; i < 200; i++) {
			frame->g[REG_RIP] = R3_STUB_TRAMP + rnd(R3_MAX_SITES) * 16;
			slot->sig = n ? R3_SIG_KICK : rnd(32);
			slot->resume = 0;
			slot->event = 1;
			for (n = 0; *(volatile __u32 *)&slot->resume != 1 && n < 100000; n++)
				;
			n = 1;
		}
		break;
	default:
		for (i = 0; i < (int)(sizeof(regs) / 8); i++)
			((uint64_t *)&regs)[i] = rnd(2) ? rnd(16) : (uint64_t)slot + 8 * rnd(64);
		regs.ip = rnd(2) ? R3_STUB_TRAMP + rnd(R3_MAX_SITES) * 16 : R3_STUB_BASE + rnd(stub_length());
		regs.sp = (uint64_t)slot;
		regs.cs = 0x33;
		regs.ss = 0x2b;
		regs.flags = FLAGS_RUN;
		enter(&regs);
	}
	trying = 0;
}
