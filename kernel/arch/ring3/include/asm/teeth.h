/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests only: which wall between user code and the kernel is missing. A
 * test of a wall has teeth if its attack gets through without it; docs/walls.md
 * lists them. A kernel for use has CONFIG_RING3_TEETH off and all walls.
 */
#ifndef _ASM_RING3_TEETH_H
#define _ASM_RING3_TEETH_H

enum r3_tooth {
	R3_TEETH_NONE,
	R3_TEETH_ACK,		/* with several threads, nobody waits until a page is unmapped */
	R3_TEETH_ASLEEP,	/* a used space is kept whatever its thread does */
	R3_TEETH_FRAME,		/* offsets from a slot are not checked */
	R3_TEETH_ONCE,		/* they are read again when they are used */
	R3_TEETH_RESET,		/* its thread goes on as it was left */
	R3_TEETH_STOP,		/* who does not stop is waited for */
	R3_TEETH_TASK_SIZE,	/* user mappings may be where the stub is */
	R3_TEETH_UACCESS,	/* kernel addresses are good for system calls */
};

#ifdef CONFIG_RING3_TEETH
extern enum r3_tooth r3_tooth_out;
#define r3_teeth(tooth)		(READ_ONCE(r3_tooth_out) == (tooth))
#define R3_USER_END		(r3_teeth(R3_TEETH_TASK_SIZE) || r3_teeth(R3_TEETH_UACCESS) ? \
				 R3_STUB_END : R3_TASK_SIZE)
#else
#define r3_teeth(tooth)		0
#define R3_USER_END		R3_TASK_SIZE
#endif

#endif
