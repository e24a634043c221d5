/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The code that every space runs beside its guest's: the manager's loop and
 * the guest threads' signal handler.
 *
 * The manager shares its memory with guest code that may be hostile. It
 * therefore has no stack, keeps its state in registers, reads only pages that
 * are read-only here, and believes nothing that it could not have written.
 * Guest code may jump anywhere in this file: what it gains is what its own
 * seccomp filter (filter.S) lets it do.
 *
 * A label site_X stands behind the one syscall instruction that may issue X.
 */
#define __ASSEMBLY__
#include <asm/unistd.h>
#include <ring3/boot.h>
#include <ring3/poll.h>
#include <ring3/space.h>
#include "stub.h"

	.section .text.stub, "ax"
	.globl	stub_start
stub_start:

.macro SITE name
	syscall
	.globl	site_\name
site_\name:
.endm

/*
 * manager(rdi: tgid). r12 command page, r13d commands done, r14d index in the
 * ring, r15d tgid, ebp: 1 if a command has failed since the last ack, rsp: a bit
 * for each slot that has its thread.
 */
	.globl	r3_manager
r3_manager:
	movl	%edi, %r15d
	movabsq	$R3_STUB_CMD, %r12
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%ebp, %ebp
	xorl	%esp, %esp

	/* The zygote's data and stack go last: nothing writable is left. */
	leaq	r3_data_start(%rip), %rdi
	leaq	r3_data_end(%rip), %rsi
	subq	%rdi, %rsi
	movl	$__NR_munmap, %eax
	SITE	unmap_data

next:
	movl	R3_CMD_HEAD(%r12), %eax
	cmpl	%r13d, %eax
	jne	execute
	movq	%r12, %rdi
	xorl	%esi, %esi			/* FUTEX_WAIT */
	movl	%r13d, %edx
	xorl	%r10d, %r10d
	movl	$__NR_futex, %eax
	SITE	manager_wait
	jmp	next

execute:
	movl	%r14d, %ebx
	shll	$5, %ebx			/* R3_CMD_SIZE */
	leaq	R3_CMD_ENTRIES(%r12, %rbx), %rbx
	incl	%r13d
	incl	%r14d
	cmpl	$R3_CMD_RING, %r14d
	jne	1f
	xorl	%r14d, %r14d
1:	movl	(%rbx), %eax
	cmpl	$R3_NR_OPS, %eax
	jae	next
	leaq	ops(%rip), %rcx
	movslq	(%rcx, %rax, 4), %rax
	addq	%rcx, %rax
	jmp	*%rax

	.balign	4
ops:
	.long	next - ops
	.long	op_map - ops
	.long	op_unmap - ops
	.long	op_protect - ops
	.long	op_thread - ops
	.long	op_wake - ops
	.long	op_kick - ops
	.long	op_ack - ops
	.long	op_exit - ops
	.long	op_place - ops

op_map:
	movq	8(%rbx), %rdi
	movq	16(%rbx), %rsi
	movl	4(%rbx), %edx
	movl	%edx, %r10d
	andl	$7, %edx
	andl	$R3_MAP_POPULATE, %r10d
	orl	$STUB_MAP_FLAGS, %r10d
	movl	$R3_SPACE_RAM_FD, %r8d
	movq	24(%rbx), %r9
	movl	$__NR_mmap, %eax
	SITE	map
	jmp	result

op_unmap:
	movq	8(%rbx), %rdi
	movq	16(%rbx), %rsi
	movl	$__NR_munmap, %eax
	SITE	unmap
	jmp	result

op_protect:
	movq	8(%rbx), %rdi
	movq	16(%rbx), %rsi
	movl	4(%rbx), %edx
	movl	$__NR_mprotect, %eax
	SITE	protect
result:
	cmpq	$-4095, %rax
	jb	next
failed:	movl	$1, %ebp
	jmp	next

op_thread:
	/* The new thread has what it needs in registers, not in the ring. */
	movq	8(%rbx), %r10
	movq	16(%rbx), %r9
	/* One for each slot, ever: so many threads, and filters, a space has at most. */
	movabsq	$R3_STUB_SLOTS, %rcx
	movq	%r10, %rax
	subq	%rcx, %rax
	rorq	$R3_SLOT_SHIFT, %rax		/* what is not a slot's start becomes large */
	cmpq	$R3_MAX_CPUS, %rax
	jae	failed
	btsq	%rax, %rsp
	jc	failed
	movl	$STUB_CLONE_FLAGS, %edi
	xorl	%esi, %esi
	leaq	R3_SLOT_TID(%r10), %rdx
	xorl	%r8d, %r8d
	movl	$__NR_clone, %eax
	SITE	clone
	testq	%rax, %rax
	jz	guest_start
	jns	next
	/* No thread, no process: the monitor sees it end. */
	movl	$STUB_EXIT_NO_THREAD, %edi
	jmp	exit

op_wake:
	movq	8(%rbx), %rdi
	addq	$R3_SLOT_RESUME, %rdi
	movl	$1, %eax
	xchgl	%eax, (%rdi)
	cmpl	$2, %eax
	jb	next
	movl	$STUB_FUTEX_WAKE, %esi
	movl	$1, %edx
	movl	$__NR_futex, %eax
	SITE	manager_wake
	jmp	next

op_kick:
	movl	%r15d, %edi
	movl	4(%rbx), %esi
	movl	$R3_SIG_KICK, %edx
	movl	$__NR_tgkill, %eax
	SITE	kick
	jmp	next

op_ack:
	movl	4(%rbx), %edi
	leaq	ack_ok(%rip), %rsi
	testl	%ebp, %ebp
	jz	1f
	leaq	ack_failed(%rip), %rsi
1:	xorl	%ebp, %ebp
	movl	$8, %edx
	movl	$__NR_write, %eax
	SITE	ack
	jmp	next

op_place:
	xorl	%edi, %edi
	movl	$STUB_PLACE_SIZE, %esi
	leaq	R3_CMD_PLACE(%r12), %rdx
	movl	$__NR_sched_setaffinity, %eax
	SITE	place
	jmp	next

op_exit:
	xorl	%edi, %edi
exit:	movl	$__NR_exit_group, %eax
	SITE	exit
	jmp	exit

/* long r3_zygote_call(nr, a, b, c, d, e, f): C's order, then the kernel's */
	.globl	r3_zygote_call
r3_zygote_call:
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	movq	%r9, %r8
	movq	8(%rsp), %r9
	SITE	zygote
	ret

	.balign	8
ack_ok:
	.quad	R3_ACK_OK
ack_failed:
	.quad	R3_ACK_FAILED

/* DS becomes the selector that tells the slot in rbx. */
.macro SELECT_SLOT
	movabsq	$R3_STUB_SLOTS, %rcx
	movq	%rbx, %rax
	subq	%rcx, %rax
	shrq	$R3_SLOT_SHIFT, %rax
	jz	772f
	cmpl	$R3_FAST_SLOTS, %eax
	jae	773f
	addl	$R3_SLOT_DS1 - 1, %eax
	/* The four behind it are of an LDT, which there is not. */
	cmpl	$R3_SLOT_DS1 + 4, %eax
	jb	772f
	addl	$R3_SLOT_DS5 - R3_SLOT_DS1 - 4, %eax
772:	movl	%eax, %ds
773:
.endm

/*
 * A new guest thread: r10 is its slot, r9 its host CPU + 1. All signals are
 * blocked. Until its own filter is on it reads nothing that other guest threads
 * can write: neither its slot nor a mask made there.
 */
guest_start:
	movq	%r10, %rbx
	movq	%r9, %rax
	decq	%rax
	cmpq	$R3_MAX_HOST_CPU, %rax
	ja	1f
	movl	%eax, %ecx
	andl	$7, %ecx
	shll	$STUB_ONE_HOT_SHIFT, %ecx
	shrl	$3, %eax
	leaq	(one_hot + STUB_PLACE_SIZE - 1)(%rip), %rdx
	addq	%rcx, %rdx
	subq	%rax, %rdx
	xorl	%edi, %edi
	movl	$STUB_PLACE_SIZE, %esi
	movl	$__NR_sched_setaffinity, %eax
	SITE	affinity
1:
	movl	$1, %edi			/* SECCOMP_SET_MODE_FILTER */
	xorl	%esi, %esi
	leaq	r3_guest_prog(%rip), %rdx
	movl	$__NR_seccomp, %eax
	SITE	seccomp
	testq	%rax, %rax
	jz	1f
	movl	$STUB_EXIT_NO_FILTER, %edi
	jmp	exit
1:
	movq	8(%r12), %rax			/* cmd_page.stack_size */
	movq	16(%r12), %rcx			/* cmd_page.stack_start */
	subq	%rcx, %rax
	addq	%rbx, %rcx
	leaq	R3_SLOT_SCRATCH(%rbx), %rdi
	movq	%rcx, (%rdi)
	movq	$0, 8(%rdi)
	movq	%rax, 16(%rdi)
	movl	$1, %edx
	jmp	set_stack
started:
	SELECT_SLOT
	movq	%rbx, %rsp
	movl	$1, %ecx
	movl	$0, R3_SLOT_LEFT(%rsp)
	jmp	wait_resume

/*
 * How long to spin (ecx) and how often to yield. Read before the event is posted:
 * then these lines are the vCPU's.
 */
.macro PLAN_WAIT
	cmpl	$0, R3_SLOT_TURNS(%rsp)
	cmovnzl	R3_SLOT_TURNS(%rsp), %ecx
	movl	%ecx, R3_SLOT_LEFT(%rsp)
	movl	R3_SLOT_SPINS(%rsp), %ecx
.endm

/*
 * Every signal of a guest thread: rdi number, rsi siginfo, rdx ucontext. All
 * others are blocked. The slot is found from the signal stack.
 */
	.globl	r3_stub_signal
r3_stub_signal:
	movq	%rsp, %rbx
	andq	$-R3_SLOT_STRIDE, %rbx
	cmpl	$R3_SIG_KICK, %edi
	jne	1f
	/* Told to stop when it is about to, or while it waits: unless it may go on. */
	movq	STUB_UC_RIP(%rdx), %rax
	leaq	trampolines(%rip), %rcx
	subq	%rcx, %rax
	cmpq	$(resumed - trampolines), %rax
	jae	1f
	movq	%rdx, %rsp
	cmpq	$(is_posted - trampolines), %rax
	jb	sigreturn
	cmpl	$1, R3_SLOT_RESUME(%rbx)
	jne	sigreturn
1:	rdfsbase %rax
	movq	%rax, R3_SLOT_FS(%rbx)
	rdgsbase %rax
	movq	%rax, R3_SLOT_GS(%rbx)
	movq	%rsi, R3_SLOT_INFO(%rbx)
	movq	%rdx, R3_SLOT_UC(%rbx)
	movq	%rbx, %rsp
	movl	R3_SLOT_YIELD(%rsp), %ecx
	PLAN_WAIT
	movl	%edi, R3_SLOT_SIG(%rsp)
	movl	$R3_FIRST_OTHER, %r11d
	jmp	posted

/* Rewritten system calls enter here: ecx is the site. */
	.org	R3_STUB_TRAMP - R3_STUB_BASE
trampolines:
	.set	site, 0
	.rept	R3_MAX_SITES
	movl	$site, %ecx
	jmp	fast_entry
	.balign	16
	.set	site, site + 1
	.endr

/*
 * No stack, and no flag may change: RCX and R11 are free, as a system call
 * overwrites them.
 */
	.org	R3_STUB_FAST - R3_STUB_BASE
fast_entry:
	movl	%ds, %r11d
	movq	R3_SITE_SLOTS(, %r11, 8), %r11
	movq	%rsp, R3_SLOT_USP(%r11)
	leaq	R3_SLOT_FLAGS+8(%r11), %rsp
	pushfq
	movq	%r11, %rsp
	movl	%ecx, R3_SLOT_SITE(%rsp)
	movl	%ecx, %r11d
	andl	$R3_FIRST_OTHER - 1, %r11d
	movq	%rax, R3_SLOT_AX(%rsp)
	movq	%rbx, R3_SLOT_BX(%rsp)
	movq	%rdx, R3_SLOT_DX(%rsp)
	movq	%rsi, R3_SLOT_SI(%rsp)
	movq	%rdi, R3_SLOT_DI(%rsp)
	movq	%rbp, R3_SLOT_BP(%rsp)
	movq	%r8, R3_SLOT_R8(%rsp)
	movq	%r9, R3_SLOT_R9(%rsp)
	movq	%r10, R3_SLOT_R10(%rsp)
	movq	%r12, R3_SLOT_R12(%rsp)
	movq	%r13, R3_SLOT_R13(%rsp)
	movq	%r14, R3_SLOT_R14(%rsp)
	movq	%r15, R3_SLOT_R15(%rsp)
	rdfsbase %rax
	movq	%rax, R3_SLOT_FS(%rsp)
	rdgsbase %rax
	movq	%rax, R3_SLOT_GS(%rsp)
	movl	R3_SLOT_XMASK(%rsp), %eax
	movl	R3_SLOT_XMASK+4(%rsp), %edx
	xsaveopt64 R3_SLOT_FP(%rsp)
	movq	R3_SLOT_DX(%rsp), %rdx
	/* Not before XSAVEOPT, which would wait for the line. */
	movl	R3_SLOT_CALL_YIELD(%rsp), %ecx
	PLAN_WAIT
	jmp	fast_posted

	/*
	 * From here on a kick changes nothing: what it would say is overwritten. RSP
	 * is the slot, and all registers but RAX, RCX and R11 are user code's as long
	 * as the thread does not sleep: most calls change no others.
	 */
	.org	R3_STUB_POSTED - R3_STUB_BASE
fast_posted:
	movl	$R3_SIG_FAST, R3_SLOT_SIG(%rsp)
posted:
	/* event = 1, resume = 0: all that is written to this line */
	movl	$1, %eax
	xchgq	%rax, R3_SLOT_EVENT(%rsp)
is_posted:
	cmpl	$2, %eax
	je	wake
	cmpl	$1, %ecx
	jle	wait_resume
	/*
	 * Who polls too early takes the line from the vCPU, which is about to write it.
	 * How long to wait is found by trying: a little less if that was not too early.
	 */
	movzwl	R3_SLOT_FIRST(%rsp, %r11, 2), %eax
1:	subl	$R3_POLL_LOOP, %eax
	js	1f
	lfence
	jmp	1b
1:	cmpl	$1, R3_SLOT_RESUME(%rsp)
	jne	1f
	cmpw	$R3_POLL_DOWN, R3_SLOT_FIRST(%rsp, %r11, 2)
	jb	awake
	subw	$R3_POLL_DOWN, R3_SLOT_FIRST(%rsp, %r11, 2)
	jmp	awake
1:	movl	$R3_POLL_MORE, %eax
1:	lfence
	cmpl	$1, R3_SLOT_RESUME(%rsp)
	je	1f
	cmpl	$0, R3_SLOT_YIELD_REQUEST(%rsp)
	jne	2f
	decl	%eax
	jnz	1b
2:	movzwl	R3_SLOT_FIRST(%rsp, %r11, 2), %eax
	shrl	$3, %eax
	subw	%ax, R3_SLOT_FIRST(%rsp, %r11, 2)
	jmp	wait_resume
1:	cmpw	$R3_POLL_MAX, R3_SLOT_FIRST(%rsp, %r11, 2)
	jae	awake
	addw	$R3_POLL_UP, R3_SLOT_FIRST(%rsp, %r11, 2)
	jmp	awake

wait_resume:
	cmpl	$1, R3_SLOT_RESUME(%rsp)
	je	awake
	cmpl	$0, R3_SLOT_YIELD_REQUEST(%rsp)
	jne	1f
	lfence
	decl	%ecx
	jg	wait_resume
1:	/*
	 * On one host CPU the vCPU runs now, and need not wake who does not sleep.
	 * If it is on another, other guest threads do.
	 */
	decl	R3_SLOT_LEFT(%rsp)
	js	2f
	movl	$__NR_sched_yield, %eax
	SITE	guest_yield
	movl	$STUB_TURN_SPINS, %ecx
	jmp	wait_resume

wake:
	leaq	R3_SLOT_EVENT(%rsp), %rdi
	movl	$STUB_FUTEX_WAKE, %esi
	movl	$1, %edx
	movl	$__NR_futex, %eax
	SITE	guest_wake
	movl	$1, %ecx
	movq	R3_SLOT_DI(%rsp), %rdi
	movq	R3_SLOT_SI(%rsp), %rsi
	movq	R3_SLOT_DX(%rsp), %rdx
	jmp	wait_resume

2:	xorl	%eax, %eax
	movl	$2, %ecx
	lock cmpxchgl %ecx, R3_SLOT_RESUME(%rsp)
	cmpl	$1, %eax
	je	resumed
	leaq	R3_SLOT_RESUME(%rsp), %rdi
	movl	$2, %edx
sleep:	xorl	%esi, %esi			/* FUTEX_WAIT */
	xorl	%r10d, %r10d
	movl	$__NR_futex, %eax
	SITE	guest_wait
	/*
	 * RDI is the word that was waited for, whoever jumped to that call, and
	 * nothing else is known of the thread. It writes nothing until it may go on.
	 */
	leaq	-R3_SLOT_RESUME(%rdi), %rsp
	movl	R3_SLOT_RESUME(%rsp), %edx
	cmpl	$2, %edx
	je	sleep
	cmpl	$R3_RESUME_RESET, %edx
	je	reset
	cmpl	$1, %edx
	jne	2b
	movl	%edx, %eax
	jmp	resumed

awake:	xorl	%eax, %eax
	/* eax: user code's registers are gone. */
resumed:
	/* What the next call writes. */
	prefetchw R3_SLOT_EVENT(%rsp)
	prefetchw R3_SLOT_AX(%rsp)
	prefetchw R3_SLOT_BX(%rsp)
	prefetchw R3_SLOT_R10(%rsp)
	cmpl	$R3_MODE_QUICK, R3_SLOT_MODE(%rsp)
	jne	1f
	testl	%eax, %eax
	jnz	3f
	movq	%rsp, %r11
	leaq	R3_SLOT_QUICK_FLAGS(%r11), %rsp
	popfq
	movq	R3_SLOT_QUICK_AX(%r11), %rax
	movq	R3_SLOT_QUICK_IP(%r11), %rcx
	movq	R3_SLOT_QUICK_SP(%r11), %rsp
	movq	R3_SLOT_QUICK_R11(%r11), %r11
	jmp	*%rcx

3:	movq	%rsp, %rbx
	movq	R3_SLOT_QUICK_AX(%rbx), %rax
	movq	%rax, R3_SLOT_AX(%rbx)
	movq	R3_SLOT_QUICK_FLAGS(%rbx), %rax
	movq	%rax, R3_SLOT_FLAGS(%rbx)
	movq	R3_SLOT_QUICK_R11(%rbx), %rax
	movq	%rax, R3_SLOT_R11(%rbx)
	movq	R3_SLOT_QUICK_IP(%rbx), %rax
	movq	%rax, R3_SLOT_CX(%rbx)
	movq	R3_SLOT_QUICK_SP(%rbx), %rax
	movq	%rax, R3_SLOT_USP(%rbx)
	jmp	keep

1:	movq	%rsp, %rbx
	movl	R3_SLOT_MODE(%rbx), %ecx
	cmpl	$R3_MODE_KEEP, %ecx
	je	keep
	cmpl	$R3_MODE_LOAD, %ecx
	je	load
	movq	R3_SLOT_FS(%rbx), %rax
	wrfsbase %rax
	movq	R3_SLOT_GS(%rbx), %rax
	wrgsbase %rax
	movq	R3_SLOT_SP(%rbx), %rsp
sigreturn:
	movl	$__NR_rt_sigreturn, %eax
	SITE	sigreturn
	hlt

/*
 * The thread is to serve another address space: everything that the old one can
 * have changed of it is set anew, then it waits again. Its slot is read-only.
 */
reset:
	movq	%rsp, %rbx
	leaq	R3_SLOT_FLAGS(%rbx), %rsp
	popfq
	xorl	%eax, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	SELECT_SLOT
	xorl	%eax, %eax
	wrfsbase %rax
	wrgsbase %rax
	/*
	 * The host changes no signal stack that the stack pointer is on, and from
	 * 6.12 on rt_sigreturn asks while that points to the frame, wherever the
	 * old one had its stack. 0 is on none.
	 */
	xorl	%esp, %esp
	leaq	(R3_SLOT_RESET + STUB_UC_STACK)(%rbx), %rdi
	xorl	%edx, %edx
	/* edx: the thread is a new one. */
set_stack:
	xorl	%esi, %esi
	movl	$__NR_sigaltstack, %eax
	SITE	set_stack
	testl	%eax, %eax
	jnz	1f
	testl	%edx, %edx
	jnz	started
	leaq	R3_SLOT_RESET(%rbx), %rsp
	jmp	sigreturn
1:	hlt

.macro LOAD_MOST
	leaq	R3_SLOT_FLAGS(%rbx), %rsp
	popfq
	movq	R3_SLOT_AX(%rbx), %rax
	movq	R3_SLOT_DX(%rbx), %rdx
	movq	R3_SLOT_SI(%rbx), %rsi
	movq	R3_SLOT_DI(%rbx), %rdi
	movq	R3_SLOT_BP(%rbx), %rbp
	movq	R3_SLOT_USP(%rbx), %rsp
	movq	R3_SLOT_R8(%rbx), %r8
	movq	R3_SLOT_R9(%rbx), %r9
	movq	R3_SLOT_R10(%rbx), %r10
	movq	R3_SLOT_R11(%rbx), %r11
	movq	R3_SLOT_R12(%rbx), %r12
	movq	R3_SLOT_R13(%rbx), %r13
	movq	R3_SLOT_R14(%rbx), %r14
	movq	R3_SLOT_R15(%rbx), %r15
.endm

/* The return of a system call: RCX is where it goes on. */
keep:
	LOAD_MOST
	movq	R3_SLOT_CX(%rbx), %rcx
	movq	R3_SLOT_BX(%rbx), %rbx
	jmp	*%rcx

#define LOAD_SHIFT	7
/* All registers: the jump needs the slot's address in its code. */
load:
	movl	R3_SLOT_XMASK(%rbx), %eax
	movl	R3_SLOT_XMASK+4(%rbx), %edx
	xrstor64 R3_SLOT_FP(%rbx)
	movq	R3_SLOT_FS(%rbx), %rax
	wrfsbase %rax
	movq	R3_SLOT_GS(%rbx), %rax
	wrgsbase %rax
	movq	%rbx, %rax
	movabsq	$R3_STUB_SLOTS, %rcx
	subq	%rcx, %rax
	shrq	$R3_SLOT_SHIFT - LOAD_SHIFT, %rax
	leaq	load_slot(%rip), %rcx
	addq	%rax, %rcx
	jmp	*%rcx

	.set	slot, 0
	.balign	1 << LOAD_SHIFT
load_slot:
	.rept	R3_FAST_SLOTS
	.org	load_slot + (slot << LOAD_SHIFT)
	LOAD_MOST
	movq	R3_SLOT_CX(%rbx), %rcx
	movq	R3_SLOT_BX(%rbx), %rbx
	jmp	*(R3_STUB_SLOTS - R3_STUB_BASE + slot * R3_SLOT_STRIDE + R3_SLOT_IP + stub_start)(%rip)
	.set	slot, slot + 1
	.endr

	/* Where the reset leads to. */
	.org	R3_STUB_SLEEP - R3_STUB_BASE
	jmp	sleep

	.org	R3_STUB_FAST_END - R3_STUB_BASE

/*
 * Masks of one host CPU each, as sched_setaffinity() reads them: for each bit of a
 * byte that byte among zeros. The mask of CPU n is (n % 8)'s, from as many zeros
 * before the byte on as there are bytes before it in the mask.
 */
	.balign	1 << STUB_ONE_HOT_SHIFT
one_hot:
	.set	bit, 0
	.rept	8
	.fill	STUB_PLACE_SIZE - 1, 1, 0
	.byte	1 << bit
	.balign	1 << STUB_ONE_HOT_SHIFT
	.set	bit, bit + 1
	.endr
one_hot_end:

#include "filter.inc.S"

	.section .note.GNU-stack, "", @progbits
