/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/linkage.h>
#include <asm/page.h>

	.section .rodata, "a"
	.balign	PAGE_SIZE
SYM_DATA_START(vdso_start)
	.incbin	VDSO_IMAGE
	.balign	PAGE_SIZE
SYM_DATA_END_LABEL(vdso_start, SYM_L_GLOBAL, vdso_end)
