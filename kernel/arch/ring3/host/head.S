/* SPDX-License-Identifier: GPL-2.0-only */
/* The image header and the first instructions of every vCPU. */
#include <linux/linkage.h>
#include <linux/init.h>
#include <asm/thread_info.h>
#include <asm/versions.h>
#include <ring3/boot.h>

	__HEAD
/* struct r3_image_header */
SYM_DATA_START(_start)
	.long	R3_BOOT_MAGIC
	.long	R3_ABI_VERSION
	.quad	r3_start
	.quad	r3_start_secondary
	.quad	r3_host_signal
	.quad	_end - _start
#ifdef R3_OLD_VDSO_DATA
	.quad	r3_held
#else
	.quad	0
#endif
	.quad	0
SYM_DATA_END(_start)

	.section .entry.text, "ax"
/* rdi: boot block */
SYM_CODE_START(r3_start)
	cld
	leaq	init_thread_union + THREAD_SIZE(%rip), %rsp
	subq	$(21 * 8), %rsp			/* room for pt_regs */
	xorl	%eax, %eax
	wrgsbase %rax				/* static per-CPU area until setup */
	xorl	%ebp, %ebp
	pushq	%rbp
	movq	%rsp, %rbp
	call	r3_start_kernel
	ud2
SYM_CODE_END(r3_start)

/* rdi: boot block, esi: cpu, rsp: the idle task's stack */
SYM_CODE_START(r3_start_secondary)
	cld
	xorl	%ebp, %ebp
	pushq	%rbp
	call	r3_secondary_start
	ud2
SYM_CODE_END(r3_start_secondary)

/* The same for one that was switched off, rdx: the stack, which it is on. */
SYM_CODE_START(r3_restart_secondary)
	movq	%rdx, %rsp
	jmp	r3_start_secondary
SYM_CODE_END(r3_restart_secondary)
