/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a task has done after its rewritten calls, which it mostly does again: a
 * part of struct thread_struct. A call is a site modulo R3_HABITS.
 */
#ifndef _ASM_RING3_HABIT_H
#define _ASM_RING3_HABIT_H

#include <linux/types.h>

#define R3_HABITS	16

struct r3_habit {
	u8 last;			/* call */
	u8 score[R3_HABITS];		/* kernel/yield.c: the vCPU came back from the next one */
	u16 wait[R3_HABITS + 1];	/* kernel/poll.c: until the next event; the last: after a signal */
};

#endif
