/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/* The kernel's symbol r3_outside: where things are in its structures, for debuggers. */
#ifndef _RING3_OUTSIDE_H
#define _RING3_OUTSIDE_H

#include <linux/types.h>

#define R3_OUTSIDE_VERSION	1

struct r3_outside {
	__u32 version;
	__u32 task_mm;
	__u32 task_comm;		/* 16 bytes */
	__u32 task_pid;
	__u32 mm_pgd;
};

#endif
