/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What guest kernel, zygote and the stub in a space say to each other.
 *
 * The command page is a page of guest RAM that the kernel allocates, the
 * zygote's child maps read-only at R3_STUB_CMD, and only the kernel writes.
 * The slots are guest RAM too, one a vCPU, but guest user code can write
 * them: the kernel reads them once and believes nothing.
 */
#ifndef _RING3_SPACE_H
#define _RING3_SPACE_H

#include "layout.h"

/* Descriptors of a space. Nothing else is open there. */
#define R3_SPACE_RAM_FD		3
#define R3_SPACE_ZYGOTE_FD	4		/* zygote only: the zygote page */
#define R3_SPACE_FAIL_FD	5		/* zygote only: eventfd, a space could not be made */
#define R3_SPACE_ACK_FD		6		/* R3_SPACE_ACK_FD + vCPU */

/* Commands to a space's manager. */
#define R3_OP_NOP		0
#define R3_OP_MAP		1		/* addr len off, arg = PROT_*, also R3_MAP_POPULATE */
#define R3_OP_UNMAP		2		/* addr len */
#define R3_OP_PROTECT		3		/* addr len, arg = PROT_* */
#define R3_OP_THREAD		4		/* addr = slot, len = host CPU to stay on + 1, or 0 */
#define R3_OP_WAKE		5		/* addr = slot */
#define R3_OP_KICK		6		/* arg = the guest thread's number */
#define R3_OP_ACK		7		/* arg = descriptor */
#define R3_OP_EXIT		8
#define R3_OP_PLACE		9		/* the manager goes to cmd_page.place */
#define R3_NR_OPS		10

/* The host maps all pages at once, not each when it is touched. */
#define R3_MAP_POPULATE		0x8000		/* MAP_POPULATE */

#define R3_CMD_RING		120

/* What an acknowledgement adds to the eventfd. */
#define R3_ACK_OK		1
#define R3_ACK_FAILED		0x100000001	/* a command since the last ack failed */
#define R3_ACK_DEATH		0x400000000	/* by the monitor: some space has ended */

/*
 * struct r3_slot offsets for the stub. Where vCPU and guest thread are on two
 * host CPUs, each cache line that one writes and the other reads goes over at
 * every system call. So the first has what they wait for, and what most calls
 * return, and nothing that is written at another time: by the guest thread once,
 * as it posts an event; three others have all that a rewritten call takes.
 */
#define R3_SLOT_EVENT		0
#define R3_SLOT_RESUME		4
#define R3_SLOT_YIELD_REQUEST		8
#define R3_SLOT_MODE		16
#define R3_SLOT_QUICK_AX	24
#define R3_SLOT_QUICK_FLAGS	32
#define R3_SLOT_QUICK_R11	40
#define R3_SLOT_QUICK_IP	48
#define R3_SLOT_QUICK_SP	56
#define R3_SLOT_TID		64
#define R3_SLOT_INFO		72
#define R3_SLOT_UC		80
#define R3_SLOT_SP		88
#define R3_SLOT_AX		128
#define R3_SLOT_CX		136
#define R3_SLOT_R11		144
#define R3_SLOT_FLAGS		152
#define R3_SLOT_SITE		160
#define R3_SLOT_YIELD		164
#define R3_SLOT_SPINS		168
#define R3_SLOT_TURNS		172
#define R3_SLOT_CALL_YIELD	176
#define R3_SLOT_SIG		180
#define R3_SLOT_BX		192
#define R3_SLOT_DX		200
#define R3_SLOT_SI		208
#define R3_SLOT_DI		216
#define R3_SLOT_BP		224
#define R3_SLOT_USP		232
#define R3_SLOT_R8		240
#define R3_SLOT_R9		248
#define R3_SLOT_R10		256
#define R3_SLOT_R12		264
#define R3_SLOT_R13		272
#define R3_SLOT_R14		280
#define R3_SLOT_R15		288
#define R3_SLOT_FS		296
#define R3_SLOT_GS		304
#define R3_SLOT_IP		312
#define R3_SLOT_XMASK		320
#define R3_SLOT_SCRATCH		384
#define R3_SLOT_LEFT		448
#define R3_SLOT_FIRST		452
#define R3_SLOT_HEAD		512
#define R3_SLOT_RESET		512	/* ucontext for R3_RESUME_RESET, else: */
#define R3_SLOT_FP		512	/* XSAVE area, then from cmd_page.stack_start the signal stack */

/*
 * Rewritten system calls do not come by signal. A trampoline has the number of
 * its site in ECX and jumps to R3_STUB_FAST, where the registers are put into
 * the slot, the event R3_SIG_FAST is posted, and the thread waits. What a signal
 * interrupts there is for the kernel to tell by its address:
 *   [TRAMP, POSTED)    not yet stopped; it will be as soon as it goes on
 *   [POSTED, END)      user code has not run since the kernel resumed it
 */
#define R3_SIG_FAST		0x100
#define R3_FIRST_OTHER		16		/* r3_slot.first is by site modulo this; this one, after a signal */
#define R3_STUB_POSTED		(R3_STUB_FAST + 0x200)
#define R3_STUB_FAST_END	(R3_STUB_FAST + 0x1000)
#define R3_STUB_SLEEP		(R3_STUB_FAST_END - 16)	/* rdi = &resume, edx = its value */

/* r3_slot.mode: how a thread that waits after R3_SIG_FAST goes on */
#define R3_MODE_SIGRETURN	0		/* after any other event */
#define R3_MODE_KEEP		1		/* all but vector state and bases from the slot */
#define R3_MODE_LOAD		2		/* vector state and bases, too */
#define R3_MODE_QUICK		3		/* the slot's quick_*; all others are as they were */

/*
 * r3_slot.resume of a thread that is to serve another address space: in the
 * stub's sleep it finds this, sets all that the old one may have changed, by
 * the signal frame at R3_SLOT_RESET, and sleeps again. It writes nothing.
 */
#define R3_RESUME_RESET		3

/*
 * A guest thread knows its slot by its DS selector, which nothing in 64-bit
 * mode uses and which survives interrupts if it names a segment of user mode.
 */
#define R3_FAST_SLOTS		9
#define R3_SLOT_DS1		0x28		/* of slot 1, then three more: the data segment */
#define R3_SLOT_DS5		0x30		/* of slot 5, then three more: the code segment */
#define R3_SLOT_DS(slot)	((slot) > 4 ? R3_SLOT_DS5 + (slot) - 5 : \
				 (slot) ? R3_SLOT_DS1 + (slot) - 1 : 0)

#define R3_MAX_HOST_CPU		511	/* that a guest thread can be kept on */

/* struct r3_cmd_page offsets for the stub */
#define R3_CMD_HEAD		0
#define R3_CMD_PLACE		24
#define R3_CMD_ENTRIES		256
#define R3_CMD_SIZE		32

#ifndef __ASSEMBLY__
#include <linux/types.h>

struct r3_cmd {
	__u32 op;
	__u32 arg;
	__u64 addr;
	__u64 len;
	__u64 off;
};

struct r3_cmd_page {
	__u32 head;			/* commands issued so far, modulo 2^32; futex word */
	__u32 reserved;
	__u64 stack_size;		/* of a slot: bytes from its start, page multiple */
	__u64 stack_start;		/* of its signal stack, from the slot's start */
	__u64 place[(R3_MAX_HOST_CPU + 1) / 64];	/* host CPUs, a bit each */
	__u8  reserved2[168];
	struct r3_cmd cmd[R3_CMD_RING];
};

struct r3_slot {
	__u32 event;			/* futex word: 0 user code runs, 1 it stopped,
					   2 it runs and the vCPU sleeps */
	__u32 resume;			/* futex word: 0 stay, 1 go on or running, 2 the
					   guest thread sleeps, or R3_RESUME_RESET */
	__u32 yield_request;			/* another guest thread is to run on this host CPU */
	__u32 reserved;
	__u32 mode;			/* R3_MODE_* */
	__u32 reserved2;
	__u64 quick_ax, quick_flags, quick_r11, quick_ip, quick_sp;
	__u32 tid;
	__u32 reserved3;
	__u64 info;			/* address of the siginfo_t, in the slot */
	__u64 uc;			/* address of the ucontext, in the slot */
	__u64 sp;			/* for rt_sigreturn */
	__u8  reserved4[32];
	/* ax to gs: user registers where no signal frame has them. */
	__u64 ax, cx, r11, flags;
	__u32 site;			/* of R3_SIG_FAST */
	__u32 yield;			/* so often, before it sleeps */
	__u32 spins;			/* before it yields or sleeps */
	__u32 turns;			/* yields, if not 0: the vCPU is on another host CPU */
	__u32 call_yield;		/* yield, after R3_SIG_FAST */
	__u32 sig;
	__u8  reserved5[8];
	__u64 bx, dx, si, di, bp, usp, r8, r9;
	__u64 r10, r12, r13, r14, r15, fs, gs;
	__u64 ip;
	__u64 xmask;			/* vector state components to keep */
	__u8  reserved6[56];
	__u64 scratch[8];		/* the guest thread's own */
	__u32 left;			/* turns, the guest thread's own */
	__u16 first[R3_FIRST_OTHER + 1]; /* how long it waits before it looks, the same */
	__u8  reserved7[26];
};

/*
 * The zygote page: requests for new spaces. An entry of space[] belongs to
 * whoever its state says.
 */
#define R3_MAX_SPACES		32768
#define R3_ZYGOTE_RING		4096

/*
 * What a guest may cost its host, by its RAM: address spaces, as many as Linux
 * allows threads by default; and spaces that wait for the next of them.
 */
#define R3_ADDRESS_SPACES(ram)	((ram) >> 17 < 64 ? 64 : (ram) >> 17 > 32000 ? 32000 : (ram) >> 17)
#define R3_FRESH_SPACES		4
#define R3_PARKED_SPACES	4		/* a vCPU */
#define R3_SPACES(ram, cpus)	(R3_ADDRESS_SPACES(ram) + R3_FRESH_SPACES + R3_PARKED_SPACES * (cpus))

#define R3_SPACE_FREE		0		/* kernel's */
#define R3_SPACE_WANTED		1		/* zygote's */
#define R3_SPACE_LIVE		2		/* kernel's; the process exists */
#define R3_SPACE_FAILED		3		/* kernel's; pid = -errno */
#define R3_SPACE_DEAD		4		/* kernel's; the process has ended, reaped */

struct r3_space_entry {
	__u64 cmd_gpa;
	__u32 state;
	__s32 pid;
};

struct r3_zygote {
	__u32 want_head;		/* futex word, by the kernel */
	__u32 want_tail;		/* by the zygote */
	__u32 limit;			/* by the kernel: entries from here on were never used */
	__u32 end;			/* by the monitor: all spaces, and the zygote */
	__u32 want[R3_ZYGOTE_RING];	/* indices into space[] */
	__u64 dead[R3_MAX_SPACES / 64];	/* atomic, a bit each: ended since the kernel took it */
	struct r3_space_entry space[R3_MAX_SPACES];
};

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(struct r3_cmd) == R3_CMD_SIZE, "command size");
_Static_assert(sizeof(struct r3_cmd_page) == 4096, "command page size");
_Static_assert(__builtin_offsetof(struct r3_cmd_page, cmd) == R3_CMD_ENTRIES, "command offset");
_Static_assert(__builtin_offsetof(struct r3_cmd_page, place) == R3_CMD_PLACE, "place");
_Static_assert(sizeof(struct r3_slot) == R3_SLOT_HEAD, "slot size");
_Static_assert(__builtin_offsetof(struct r3_slot, resume) == R3_SLOT_RESUME, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, tid) == R3_SLOT_TID, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, yield_request) == R3_SLOT_YIELD_REQUEST, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, ax) == R3_SLOT_AX, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, sig) == R3_SLOT_SIG, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, first) == R3_SLOT_FIRST, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, left) == R3_SLOT_LEFT, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, mode) == R3_SLOT_MODE, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, quick_sp) == R3_SLOT_QUICK_SP, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, spins) == R3_SLOT_SPINS, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, turns) == R3_SLOT_TURNS, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, call_yield) == R3_SLOT_CALL_YIELD, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, bx) == R3_SLOT_BX, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, r9) == R3_SLOT_R9, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, r10) == R3_SLOT_R10, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, ip) == R3_SLOT_IP, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, info) == R3_SLOT_INFO, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, xmask) == R3_SLOT_XMASK, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, scratch) == R3_SLOT_SCRATCH, "slot layout");
#endif
#endif
#endif
