/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests only: which wall between user code and the kernel is missing. A
 * test of a wall is worth something if its attack gets through without it; docs/walls.md
 * lists them. A kernel for use has CONFIG_RING3_MUTATION off and all walls.
 */
#ifndef _ASM_RING3_MUTATION_H
#define _ASM_RING3_MUTATION_H

enum r3_mutation_id {
	R3_MUTATION_NONE,
	R3_MUTATION_ACK,		/* with several threads, nobody waits until a page is unmapped */
	R3_MUTATION_ASLEEP,		/* a used space is kept whatever its thread does */
	R3_MUTATION_FRAME,		/* offsets from a slot are not checked */
	R3_MUTATION_LEAVE,		/* a space leaves its mm before it is unmapped */
	R3_MUTATION_ONCE,		/* they are read again when they are used */
	R3_MUTATION_RELEASE,	/* a copy of code is free when its replacement is queued */
	R3_MUTATION_RESET,		/* its thread goes on as it was left */
	R3_MUTATION_STOP,		/* who does not stop is waited for */
	R3_MUTATION_TASK_SIZE,	/* user mappings may be where the stub is */
	R3_MUTATION_UACCESS,	/* kernel addresses are good for system calls */
	R3_MUTATION_WORK,		/* who only says that it stopped is resumed at once */
};

#ifdef CONFIG_RING3_MUTATION
extern enum r3_mutation_id r3_mutation_active;
#define r3_mutation(id)		(READ_ONCE(r3_mutation_active) == (id))
#define R3_USER_END		(r3_mutation(R3_MUTATION_TASK_SIZE) || r3_mutation(R3_MUTATION_UACCESS) ? \
				 R3_STUB_END : R3_TASK_SIZE)
#else
#define r3_mutation(id)		0
#define R3_USER_END		R3_TASK_SIZE
#endif

#endif
