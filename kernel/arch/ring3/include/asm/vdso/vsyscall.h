/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_VDSO_VSYSCALL_H
#define _ASM_RING3_VDSO_VSYSCALL_H

#include <asm/versions.h>

/* For the linker script: all data pages, VDSO_NR_PAGES. */
#define __VDSO_PAGES	4

#ifndef __ASSEMBLY__

#include <vdso/datapage.h>

#ifdef R3_OLD_VDSO_DATA
#include <linux/timekeeper_internal.h>

extern struct vdso_data *vdso_data;

static __always_inline struct vdso_data *r3_get_k_vdso_data(void)
{
	return vdso_data;
}
#define __arch_get_k_vdso_data r3_get_k_vdso_data
#endif

#include <asm-generic/vdso/vsyscall.h>

#endif
#endif
