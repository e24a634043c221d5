/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where kernel code is interrupted, and where tasks are switched.
 *
 * A host signal that means an interrupt does not run it. Its handler
 * (host/signal.c, on the vCPU's own signal stack) makes the interrupted
 * context call r3_irq_entry or r3_trap_entry on the task's stack and returns,
 * so that the frame is gone before anything can sleep or be traced.
 */
#include <linux/linkage.h>
#include <asm/asm-offsets.h>
#include <asm/ptrace.h>
#include <asm/unistd.h>
#include <asm/percpu.h>

/* Builds a struct pt_regs below the return address that was pushed last. */
.macro SAVE_REGS extra=0
	leaq	-PT_SIZE(%rsp), %rsp
	movq	%r15, PT_R15(%rsp)
	movq	%r14, PT_R14(%rsp)
	movq	%r13, PT_R13(%rsp)
	movq	%r12, PT_R12(%rsp)
	movq	%rbp, PT_BP(%rsp)
	movq	%rbx, PT_BX(%rsp)
	movq	%r11, PT_R11(%rsp)
	movq	%r10, PT_R10(%rsp)
	movq	%r9, PT_R9(%rsp)
	movq	%r8, PT_R8(%rsp)
	movq	%rax, PT_AX(%rsp)
	movq	%rcx, PT_CX(%rsp)
	movq	%rdx, PT_DX(%rsp)
	movq	%rsi, PT_SI(%rsp)
	movq	%rdi, PT_DI(%rsp)
	pushfq
	popq	PT_FLAGS(%rsp)
	cld
	movq	$-1, PT_ORIG_AX(%rsp)
	movq	$R3_KERNEL_CS, PT_CS(%rsp)
	movq	$R3_KERNEL_DS, PT_SS(%rsp)
	movq	PT_SIZE+\extra(%rsp), %rax
	movq	%rax, PT_IP(%rsp)
	leaq	PT_SIZE+\extra+8(%rsp), %rax
	movq	%rax, PT_SP(%rsp)
.endm

.macro RESTORE_GENERAL
	movq	PT_R15(%rsp), %r15
	movq	PT_R14(%rsp), %r14
	movq	PT_R13(%rsp), %r13
	movq	PT_R12(%rsp), %r12
	movq	PT_BP(%rsp), %rbp
	movq	PT_BX(%rsp), %rbx
	movq	PT_R11(%rsp), %r11
	movq	PT_R10(%rsp), %r10
	movq	PT_R9(%rsp), %r9
	movq	PT_R8(%rsp), %r8
	movq	PT_AX(%rsp), %rax
	movq	PT_CX(%rsp), %rcx
	movq	PT_DX(%rsp), %rdx
	movq	PT_SI(%rsp), %rsi
	movq	PT_DI(%rsp), %rdi
.endm

	.section .entry.text, "ax"

/* Entered with interrupts off and the interrupted address on the stack. */
SYM_CODE_START(r3_irq_entry)
	SAVE_REGS
	leaq	PT_BP(%rsp), %rbp
	movq	%rsp, %rdi
	call	r3_irq_handler
	movq	PT_IP(%rsp), %rax
	movq	%rax, PT_SIZE(%rsp)
	pushq	PT_FLAGS(%rsp)
	popfq
	RESTORE_GENERAL
	leaq	PT_SIZE(%rsp), %rsp
	ret
SYM_CODE_END(r3_irq_entry)

/* From arch_local_irq_enable(): the same, for an interrupt that waited. */
SYM_FUNC_START(r3_irq_replay)
	movl	$1, %gs:r3_irq_off(%rip)
	jmp	r3_irq_entry
SYM_FUNC_END(r3_irq_replay)

/*
 * A fault in kernel code: struct r3_trap lies below the interrupted address. Who
 * handles it may change any register, the stack pointer too: address and flags
 * are put where it is to be, of which some is free (R3_TRAP_GAP).
 */
SYM_CODE_START(r3_trap_entry)
	SAVE_REGS extra=40
	movq	PT_SIZE+32(%rsp), %rax
	movq	%rax, PT_SP(%rsp)
	leaq	PT_BP(%rsp), %rbp
	movq	%rsp, %rdi
	leaq	PT_SIZE(%rsp), %rsi
	call	r3_trap_handler
	movq	PT_SP(%rsp), %rax
	leaq	-16(%rax), %rax
	movq	%rax, PT_SP(%rsp)
	movq	PT_FLAGS(%rsp), %rcx
	movq	%rcx, (%rax)
	movq	PT_IP(%rsp), %rcx
	movq	%rcx, 8(%rax)
	RESTORE_GENERAL
	movq	PT_SP(%rsp), %rsp
	popfq
	ret
SYM_CODE_END(r3_trap_entry)

#ifdef CONFIG_RETHOOK
/*
 * A hooked function returned: kernel/rethook.c puts the address to return to where
 * this one's was.
 */
SYM_CODE_START(arch_rethook_trampoline)
	leaq	-8(%rsp), %rsp
	SAVE_REGS
	leaq	1(%rsp), %rbp			/* struct pt_regs: see kernel/stacktrace.c */
	movq	%rsp, %rdi
	call	r3_rethook
	pushq	PT_FLAGS(%rsp)
	popfq
	RESTORE_GENERAL
	leaq	PT_SIZE(%rsp), %rsp
	ret
SYM_CODE_END(arch_rethook_trampoline)
#endif

/*
 * long r3_host_wait_irq(u32 *uaddr, u32 val)
 *
 * FUTEX_WAIT unless an interrupt is pending. A signal between the check and
 * the system call is caught by the handler, which moves the instruction
 * pointer from [r3_wait_begin, r3_wait_end) to r3_wait_abort.
 */
SYM_FUNC_START(r3_host_wait_irq)
	movl	%esi, %edx
	xorl	%esi, %esi			/* FUTEX_WAIT */
	xorl	%r10d, %r10d
	movl	$__NR_futex, %eax
SYM_INNER_LABEL(r3_wait_begin, SYM_L_GLOBAL)
	cmpl	$0, %gs:r3_irq_pending(%rip)
	jne	r3_wait_abort
	syscall
SYM_INNER_LABEL(r3_wait_end, SYM_L_GLOBAL)
	ret
SYM_INNER_LABEL(r3_wait_abort, SYM_L_GLOBAL)
	movq	$-4, %rax			/* -EINTR */
	ret
SYM_FUNC_END(r3_host_wait_irq)

/*
 * struct task_struct *__switch_to_asm(prev, next)
 *
 * Stack and current change together: signals look at both (host/signal.c).
 */
SYM_FUNC_START(__switch_to_asm)
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, TASK_SP(%rdi)
	movq	TASK_SP(%rsi), %rsp
	movq	%rsi, %gs:r3_current_task(%rip)
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	jmp	__switch_to
SYM_FUNC_END(__switch_to_asm)

/* First return of a new task: rax = prev, rbx = function or 0, r12 = its argument. */
SYM_CODE_START(ret_from_fork_asm)
	movq	%rax, %rdi
	movq	%rsp, %rsi
	movq	%rbx, %rdx
	movq	%r12, %rcx
	call	r3_ret_from_fork
	ud2
SYM_CODE_END(ret_from_fork_asm)

