/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The zygote's image inside the monitor: nothing to find, nothing to trust. */
	.section .rodata
	.globl	r3_space_image, r3_space_image_end
	.balign	16
r3_space_image:
	.incbin	SPACE_IMAGE
r3_space_image_end:
	.section .note.GNU-stack, "", @progbits
