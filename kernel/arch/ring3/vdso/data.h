/* SPDX-License-Identifier: GPL-2.0-only */
/* The vDSO's data pages, which generic code has from 6.15 on. */
#ifndef R3_VDSO_DATA_H
#define R3_VDSO_DATA_H

#include <vdso/datapage.h>
#include <asm/versions.h>

#ifdef R3_OLD_VDSO_DATA
#define VDSO_NR_PAGES	2

struct vm_area_struct *vdso_install_vvar_mapping(struct mm_struct *mm, unsigned long addr);
#else
#include <linux/vdso_datastore.h>
#include <vdso/vsyscall.h>

static_assert(VDSO_NR_PAGES == __VDSO_PAGES);
#endif

#endif
