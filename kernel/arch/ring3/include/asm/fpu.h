/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User vector state. The kernel never touches vector registers: a guest
 * thread's state lies in the host's signal frame in its slot while the thread
 * is stopped, in the host's format (uncompacted XSAVE plus the software bytes
 * of <asm/sigcontext.h>), whose size the CPU tells at boot.
 */
#ifndef _ASM_RING3_FPU_H
#define _ASM_RING3_FPU_H

#include <linux/types.h>

struct r3_fpu {
	bool valid;			/* false: initial state */
	u8 state[] __aligned(64);	/* r3_fpu_size bytes */
};

struct task_struct;
struct r3_slot_info;

/* Bytes of XSAVE state, and with the trailing magic word of a signal frame. */
extern unsigned int r3_xsave_size, r3_fpframe_size;
extern u64 r3_xfeatures;

void r3_fpu_init(void);
void r3_fpu_drop(void);
void r3_fpu_save(struct task_struct *tsk);
void r3_fpu_reset(struct task_struct *tsk);
void r3_fpu_sanitize(void *state);
void r3_fpu_set_sw_bytes(void *state);
void r3_fpu_init_state(void *state);
int r3_fpu_to_user(void __user *buf);
int r3_fpu_from_user(const void __user *buf);

#endif
