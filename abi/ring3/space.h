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
#define R3_OP_MAP		1		/* addr len off, arg = PROT_* */
#define R3_OP_UNMAP		2		/* addr len */
#define R3_OP_PROTECT		3		/* addr len, arg = PROT_* */
#define R3_OP_THREAD		4		/* addr = slot, len = host CPU to stay on + 1, or 0 */
#define R3_OP_WAKE		5		/* addr = slot */
#define R3_OP_KICK		6		/* addr = slot */
#define R3_OP_ACK		7		/* arg = descriptor */
#define R3_OP_EXIT		8
#define R3_NR_OPS		9

#define R3_CMD_RING		120

/* What an acknowledgement adds to the eventfd. */
#define R3_ACK_OK		1
#define R3_ACK_FAILED		0x100000001	/* a command since the last ack failed */
#define R3_ACK_DEATH		0x400000000	/* by the monitor: some space has ended */

/* struct r3_slot offsets for the stub */
#define R3_SLOT_EVENT		0
#define R3_SLOT_RESUME		4
#define R3_SLOT_TID		8
#define R3_SLOT_SIG		12
#define R3_SLOT_FS		16
#define R3_SLOT_GS		24
#define R3_SLOT_INFO		32
#define R3_SLOT_UC		40
#define R3_SLOT_SP		48
#define R3_SLOT_SCRATCH	64
#define R3_SLOT_HEAD		128

#define R3_MAX_HOST_CPU		511	/* that a guest thread can be kept on */

/* struct r3_cmd_page offsets for the stub */
#define R3_CMD_HEAD		0
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
	__u8  reserved2[240];
	struct r3_cmd cmd[R3_CMD_RING];
};

struct r3_slot {
	__u32 event;			/* futex word: 0 user code runs, 1 it stopped,
					   2 it runs and the vCPU sleeps */
	__u32 resume;			/* futex word: 0 stay, 1 go on, 2 the guest
					   thread sleeps */
	__u32 tid;
	__u32 sig;
	__u64 fs;
	__u64 gs;
	__u64 info;			/* address of the siginfo_t, in the slot */
	__u64 uc;			/* address of the ucontext, in the slot */
	__u64 sp;			/* for rt_sigreturn */
	__u64 reserved;
	__u64 scratch[8];		/* the guest thread's own while it starts */
};

/*
 * The zygote page: requests for new spaces. An entry of space[] belongs to
 * whoever its state says.
 */
#define R3_MAX_SPACES		32768
#define R3_ZYGOTE_RING		4096

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
	__u32 reserved;
	__u32 want[R3_ZYGOTE_RING];	/* indices into space[] */
	__u32 dead_head;		/* by the monitor's reaper */
	__u32 dead_tail;		/* by the kernel */
	__u32 dead[R3_ZYGOTE_RING];
	struct r3_space_entry space[R3_MAX_SPACES];
};

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(struct r3_cmd) == R3_CMD_SIZE, "command size");
_Static_assert(sizeof(struct r3_cmd_page) == 4096, "command page size");
_Static_assert(__builtin_offsetof(struct r3_cmd_page, cmd) == R3_CMD_ENTRIES, "command offset");
_Static_assert(sizeof(struct r3_slot) == R3_SLOT_HEAD, "slot size");
_Static_assert(__builtin_offsetof(struct r3_slot, sp) == R3_SLOT_SP, "slot layout");
_Static_assert(__builtin_offsetof(struct r3_slot, scratch) == R3_SLOT_SCRATCH, "slot layout");
#endif
#endif
#endif
