/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Included by stub.S: addresses are offsets in its section.
 *
 * The seccomp filters of a space. Each system call may come from exactly one
 * instruction of the stub, with the arguments that instruction would pass;
 * all else is SIGSYS, which for guest code is how system calls are made.
 *
 * The zygote installs the manager's filter, with what it needs itself, and its
 * children inherit it. Guest threads add their own, which leaves them futex on
 * the slots, sched_yield, rt_sigreturn, and to set the signal stack.
 *
 * The manager does what the guest kernel orders. So its calls are bounded as if
 * that were foreign: memory is mapped, unmapped and protected in the guest's part
 * of the address space and in slots, never over the stub, and the only program that
 * it can install is the guest threads' own.
 */
#include <linux/bpf_common.h>
#include "mutation.h"

#define HI(x)		((x) >> 32)
#define LO(x)		((x) & 0xffffffff)

/* Offsets in struct seccomp_data. */
#define DATA_NR		0
#define DATA_ARCH	4
#define DATA_IP		8
#define DATA_ARG(n)	(16 + 8 * (n))

.macro INSN code jt jf k
	.short	\code
	.byte	\jt, \jf
	.long	\k
.endm
.macro LD off
	INSN	(BPF_LD | BPF_W | BPF_ABS), 0, 0, \off
.endm
/* Goes on if equal, else skips to the label behind. */
.macro JEQ k no
771:	.short	(BPF_JMP | BPF_JEQ | BPF_K)
	.byte	0, (\no - 771b) / 8 - 1
	.long	\k
.endm
.macro JGE k no
771:	.short	(BPF_JMP | BPF_JGE | BPF_K)
	.byte	0, (\no - 771b) / 8 - 1
	.long	\k
.endm
.macro JLT k no
771:	.short	(BPF_JMP | BPF_JGE | BPF_K)
	.byte	(\no - 771b) / 8 - 1, 0
	.long	\k
.endm
/* A is the sum of A and X. */
.macro ADD_X
	INSN	(BPF_ALU | BPF_ADD | BPF_X), 0, 0, 0
.endm
.macro TAX
	INSN	STUB_BPF_TAX, 0, 0, 0
.endm
.macro AND k
	INSN	(BPF_ALU | BPF_AND | BPF_K), 0, 0, \k
.endm
.macro RET action
	INSN	(BPF_RET | BPF_K), 0, 0, \action
.endm

/*
 * A call that may come from one site: x86-64, its number, its address. The
 * checks of its arguments follow, up to ALLOW at the label given.
 */
.macro CALL nr site no
	LD	DATA_NR
	JEQ	\nr, \no
	LD	DATA_IP
	JEQ	(site_\site - stub_start), \no
.endm

.macro ONLY_STUB trap
	LD	DATA_ARCH
	JEQ	STUB_ARCH, \trap
	LD	DATA_IP + 4
	JEQ	HI(R3_STUB_BASE), \trap
.endm

/* Argument n, all of it. */
.macro ARG_EQ64 n high low no
	LD	DATA_ARG(\n) + 4
	JEQ	\high, \no
	LD	DATA_ARG(\n)
	JEQ	\low, \no
.endm

/* Argument n is an address in the slots. */
.macro ARG_IN_SLOTS n no
	LD	DATA_ARG(\n) + 4
	JEQ	HI(R3_STUB_SLOTS), \no
	LD	DATA_ARG(\n)
	JGE	LO(R3_STUB_SLOTS), \no
	JLT	(LO(R3_STUB_SLOTS) + R3_MAX_CPUS * R3_SLOT_STRIDE), \no
.endm

/* Argument n is the address of a field of a slot. */
.macro ARG_SLOT n field no
	ARG_IN_SLOTS \n, \no
	AND	(R3_SLOT_STRIDE - 1)
	JEQ	\field, \no
.endm

/*
 * Arguments 0 and 1 are address and length of memory below R3_TASK_SIZE. The sum of
 * their upper halves is at most two less than the upper half of where they end, so
 * they end at least 0x0fde00000000 bytes below the stub.
 */
.macro IN_GUEST no
#if !MUTATION_BOUNDS
	LD	DATA_ARG(0) + 4
	JLT	HI(R3_TASK_SIZE), \no
	TAX
	LD	DATA_ARG(1) + 4
	JLT	(HI(R3_TASK_SIZE) + 1), \no
	ADD_X
	JLT	(HI(R3_TASK_SIZE) + 1), \no
#endif
.endm

/* They are of one slot, and argument 2 does not ask for PROT_EXEC. */
.macro IN_A_SLOT no
	ARG_SLOT 0, 0, \no
	LD	DATA_ARG(1) + 4
	JEQ	0, \no
	LD	DATA_ARG(1)
	JLT	(R3_SLOT_STRIDE + 1), \no
	LD	DATA_ARG(2)
	JLT	4, \no
.endm

.macro ARG_EQ n val no
	LD	DATA_ARG(\n)
	JEQ	\val, \no
.endm

/* Without the wall "origin": what the stub may do from one instruction. */
.macro WAKE_FROM_ANYWHERE no
#if MUTATION_ORIGIN
	LD	DATA_NR
	JEQ	__NR_futex, \no
	ARG_EQ	1, STUB_FUTEX_WAKE, \no
	ARG_EQ	2, 1, \no
	RET	STUB_RET_ALLOW
\no:
#endif
.endm

	.balign	8
guest_filter:
#if MUTATION_GUEST_FILTER
	RET	STUB_RET_ALLOW
#endif
	WAKE_FROM_ANYWHERE gorigin
	ONLY_STUB gtrap
	CALL	__NR_futex, guest_wake, g1
#if MUTATION_FUTEX
	RET	STUB_RET_ALLOW
#endif
	ARG_EQ	1, STUB_FUTEX_WAKE, gtrap
	ARG_EQ	2, 1, gtrap
	ARG_SLOT 0, R3_SLOT_EVENT, gtrap
	RET	STUB_RET_ALLOW
g1:	CALL	__NR_rt_sigreturn, sigreturn, g2
	RET	STUB_RET_ALLOW
g2:	CALL	__NR_sched_yield, guest_yield, g3
	RET	STUB_RET_ALLOW
g3:	CALL	__NR_sigaltstack, set_stack, g4
	ARG_EQ	1, 0, gtrap
	LD	DATA_ARG(1) + 4
	JEQ	0, gtrap
	ARG_IN_SLOTS 0, gtrap
	RET	STUB_RET_ALLOW
g4:	CALL	__NR_futex, guest_wait, gtrap
	ARG_EQ	1, STUB_FUTEX_WAIT, gtrap
	ARG_EQ	3, 0, gtrap
	LD	DATA_ARG(3) + 4
	JEQ	0, gtrap
	ARG_SLOT 0, R3_SLOT_RESUME, gtrap
	RET	STUB_RET_ALLOW
gtrap:	RET	STUB_RET_TRAP
guest_filter_end:

	.balign	8
	.globl	r3_guest_prog
r3_guest_prog:
	.short	(guest_filter_end - guest_filter) / 8
	.short	0, 0, 0
	.quad	guest_filter

	.balign	8
manager_filter:
	WAKE_FROM_ANYWHERE morigin
	ONLY_STUB mtrap
#if MUTATION_MANAGER_FILTER
	RET	STUB_RET_ALLOW
#endif
	/* what guest threads do all the time comes first */
	CALL	__NR_futex, guest_wake, m1
	RET	STUB_RET_ALLOW
m1:	CALL	__NR_futex, guest_wait, m2
	RET	STUB_RET_ALLOW
m2:	CALL	__NR_rt_sigreturn, sigreturn, m2a
	RET	STUB_RET_ALLOW
m2a:	CALL	__NR_sched_yield, guest_yield, m2b
	RET	STUB_RET_ALLOW
m2b:	CALL	__NR_sigaltstack, set_stack, m3
	RET	STUB_RET_ALLOW
m3:	CALL	__NR_futex, manager_wait, m4
	ARG_EQ	1, STUB_FUTEX_WAIT, mtrap
	ARG_EQ64 0, HI(R3_STUB_CMD), LO(R3_STUB_CMD), mtrap
	ARG_EQ64 3, 0, 0, mtrap
	RET	STUB_RET_ALLOW
m4:	CALL	__NR_futex, manager_wake, m5
	ARG_EQ	1, STUB_FUTEX_WAKE, mtrap
	ARG_SLOT 0, R3_SLOT_RESUME, mtrap
	RET	STUB_RET_ALLOW
m5:	CALL	__NR_mmap, map, m6
	LD	DATA_ARG(2)
	JLT	8, mtrap
	LD	DATA_ARG(3)
	AND	~R3_MAP_POPULATE
	JEQ	STUB_MAP_FLAGS, mtrap
	ARG_EQ	4, R3_SPACE_RAM_FD, mtrap
	IN_GUEST m5a
	RET	STUB_RET_ALLOW
m5a:	IN_A_SLOT mtrap
	RET	STUB_RET_ALLOW
m6:	CALL	__NR_munmap, unmap, m7
	IN_GUEST mtrap
	RET	STUB_RET_ALLOW
m7:	CALL	__NR_mprotect, protect, m8
	LD	DATA_ARG(2)
	JLT	8, mtrap
	IN_GUEST m7a
	RET	STUB_RET_ALLOW
m7a:	IN_A_SLOT mtrap
	RET	STUB_RET_ALLOW
mtrap:	RET	STUB_RET_TRAP
m8:	CALL	__NR_write, ack, m9
	ARG_EQ	2, 8, ztrap
	LD	DATA_ARG(0)
	JGE	R3_SPACE_ACK_FD, ztrap
	JLT	(R3_SPACE_ACK_FD + R3_MAX_CPUS), ztrap
	LD	DATA_ARG(1) + 4
	JEQ	HI(R3_STUB_BASE), ztrap
	LD	DATA_ARG(1)
	JGE	(ack_ok - stub_start), ztrap
	JLT	(ack_failed - stub_start + 1), ztrap
	AND	7
	JEQ	0, ztrap
	RET	STUB_RET_ALLOW
m9:	CALL	__NR_tgkill, kick, m10
	ARG_EQ	2, R3_SIG_KICK, ztrap
	RET	STUB_RET_ALLOW
m10:	CALL	__NR_clone, clone, m11
	ARG_EQ64 0, 0, STUB_CLONE_FLAGS, ztrap
	ARG_EQ64 1, 0, 0, ztrap
	ARG_SLOT 2, R3_SLOT_TID, ztrap
	RET	STUB_RET_ALLOW
m11:	CALL	__NR_munmap, unmap_data, m12
	ARG_EQ64 0, HI(R3_STUB_BASE), r3_data_offset, ztrap
	ARG_EQ64 1, 0, r3_data_size, ztrap
	RET	STUB_RET_ALLOW
m12:	CALL	__NR_sched_setaffinity, affinity, m13
	ARG_EQ	0, 0, ztrap
	ARG_EQ	1, STUB_PLACE_SIZE, ztrap
	LD	DATA_ARG(2) + 4
	JEQ	HI(R3_STUB_BASE), ztrap
	LD	DATA_ARG(2)
	JGE	(one_hot - stub_start), ztrap
	JLT	(one_hot_end - stub_start), ztrap
	AND	STUB_PLACE_SIZE
	JEQ	0, ztrap
	RET	STUB_RET_ALLOW
m13:	CALL	__NR_sched_setaffinity, place, m14
	ARG_EQ	0, 0, ztrap
	ARG_EQ	1, STUB_PLACE_SIZE, ztrap
	ARG_EQ64 2, HI(R3_STUB_CMD), (LO(R3_STUB_CMD) + R3_CMD_PLACE), ztrap
	RET	STUB_RET_ALLOW
m14:	CALL	__NR_seccomp, seccomp, m15
	ARG_EQ	0, 1, ztrap
	ARG_EQ	1, 0, ztrap
#if !MUTATION_BOUNDS
	ARG_EQ64 2, HI(R3_STUB_BASE), (r3_guest_prog - stub_start), ztrap
#endif
	RET	STUB_RET_ALLOW
m15:	CALL	__NR_exit_group, exit, z0
	RET	STUB_RET_ALLOW
	/* The zygote's own, from its one instruction: a space's first page, and ... */
z0:	LD	DATA_IP
	JEQ	(site_zygote - stub_start), ztrap
	LD	DATA_NR
	JEQ	__NR_mmap, z1
	ARG_EQ64 0, HI(R3_STUB_CMD), LO(R3_STUB_CMD), ztrap
	ARG_EQ64 1, 0, 4096, ztrap
	ARG_EQ	2, STUB_CMD_PROT, ztrap
	ARG_EQ	3, STUB_ZYGOTE_MAP, ztrap
	ARG_EQ	4, R3_SPACE_RAM_FD, ztrap
	RET	STUB_RET_ALLOW
	/* ... what needs its secret, which it fills in. A space does not know it. */
z1:	LD	DATA_ARG(5)
	.globl	r3_secret_low
r3_secret_low:
	JEQ	0, ztrap
	LD	DATA_ARG(5) + 4
	.globl	r3_secret_high
r3_secret_high:
	JEQ	0, ztrap
	LD	DATA_NR
	JEQ	__NR_clone, z2
	ARG_EQ	0, STUB_ZYGOTE_CLONE, ztrap
	RET	STUB_RET_ALLOW
z2:	JEQ	__NR_prctl, z3
	LD	DATA_ARG(0)
	JEQ	STUB_SET_NAME, z2a
	RET	STUB_RET_ALLOW
z2a:	JEQ	STUB_SET_PDEATHSIG, ztrap
	ARG_EQ	1, STUB_SIGKILL, ztrap
	RET	STUB_RET_ALLOW
z3:	JEQ	__NR_futex, z4
	ARG_EQ	1, STUB_FUTEX_WAIT, ztrap
	RET	STUB_RET_ALLOW
z4:	JEQ	__NR_seccomp, z5
	ARG_EQ	0, 1, ztrap
	ARG_EQ	1, 0, ztrap
	RET	STUB_RET_ALLOW
z5:	JEQ	__NR_write, z6
	ARG_EQ	0, R3_SPACE_FAIL_FD, ztrap
	RET	STUB_RET_ALLOW
z6:	JEQ	__NR_munmap, z7
	ARG_EQ64 0, HI(R3_STUB_ZYGOTE), LO(R3_STUB_ZYGOTE), ztrap
	LD	DATA_ARG(1) + 4
	JEQ	0, ztrap
	LD	DATA_ARG(1)
	JLT	(R3_STUB_END - R3_STUB_ZYGOTE + 1), ztrap
	RET	STUB_RET_ALLOW
z7:	JEQ	__NR_close, z8
	RET	STUB_RET_ALLOW
z8:	JEQ	__NR_getpid, z9
	RET	STUB_RET_ALLOW
z9:	JEQ	__NR_getppid, z10
	RET	STUB_RET_ALLOW
z10:	JEQ	__NR_sched_yield, z11
	RET	STUB_RET_ALLOW
z11:	JEQ	__NR_kill, z12
	ARG_EQ64 0, 0, 0, ztrap
	ARG_EQ	1, STUB_SIGKILL, ztrap
	RET	STUB_RET_ALLOW
z12:	JEQ	__NR_exit_group, ztrap
	RET	STUB_RET_ALLOW
ztrap:	RET	STUB_RET_TRAP
manager_filter_end:

	.balign	8
	.globl	r3_manager_prog
r3_manager_prog:
	.short	(manager_filter_end - manager_filter) / 8
	.short	0, 0, 0
	.quad	manager_filter
