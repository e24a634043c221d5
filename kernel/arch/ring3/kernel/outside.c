// SPDX-License-Identifier: GPL-2.0-only
/*
 * For who looks at this kernel's memory from outside and has symbols but no types
 * (cli/vmem.c): where the task on a CPU, and its address space, are found.
 */
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <linux/stddef.h>
#include <ring3/outside.h>

const struct r3_outside r3_outside __used = {
	.version = R3_OUTSIDE_VERSION,
	.task_mm = offsetof(struct task_struct, mm),
	.task_comm = offsetof(struct task_struct, comm),
	.task_pid = offsetof(struct task_struct, pid),
	.mm_pgd = offsetof(struct mm_struct, pgd),
};
