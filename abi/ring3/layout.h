/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Address space layout of the two kinds of host process.
 *
 * Monitor (the vCPU threads run the guest kernel inside it):
 *   R3_DIRECT_BASE    guest RAM, gpa 0 upwards, one memfd, MAP_SHARED
 *   R3_IMAGE_BASE     the kernel image: the same memfd pages as R3_IMAGE_GPA
 *   R3_MODULES_BASE   modules, within 2 GiB of the image; mapped by the guest kernel
 *   R3_SHARED_BASE    boot block, device pages, zygote table; mapped by the monitor
 *   R3_VMALLOC_BASE   vmalloc; mapped by the guest kernel
 *
 * Space (runs guest user code): guest addresses below R3_TASK_SIZE, and the
 * stub's pages at R3_STUB_BASE. The low 32 bits of every stub base are what
 * the seccomp filters compare, so R3_STUB_BASE is a multiple of 4 GiB.
 */
#ifndef _RING3_LAYOUT_H
#define _RING3_LAYOUT_H

#ifdef __ASSEMBLY__
#define R3_UL(x) x
#else
#define R3_UL(x) x##UL
#endif

#define R3_TASK_SIZE		R3_UL(0x700000000000)

#define R3_DIRECT_BASE		R3_UL(0x700000000000)
#define R3_DIRECT_SIZE		R3_UL(0x008000000000)
#define R3_IMAGE_BASE		R3_UL(0x708000000000)
#define R3_IMAGE_GPA		R3_UL(0x1000000)
#define R3_MODULES_BASE		R3_UL(0x708040000000)
#define R3_MODULES_SIZE		R3_UL(0x000030000000)
#define R3_SHARED_BASE		R3_UL(0x70c000000000)
#define R3_VMALLOC_BASE		R3_UL(0x710000000000)
#define R3_VMALLOC_SIZE		R3_UL(0x010000000000)

/*
 * The jail cannot add an address to a length. So no mapping of direct map,
 * modules and vmalloc, and no removal of one, is longer than this, and none
 * begins in the last so many bytes of its window: none can leave it.
 */
#define R3_WINDOW_PIECE		R3_UL(0x000010000000)

/* In a space. */
#define R3_STUB_BASE		R3_UL(0x7fe000000000)	/* code, filters: r-x */
#define R3_STUB_TRAMP		R3_UL(0x7fe000010000)	/* R3_MAX_SITES entries of 16 bytes */
#define R3_STUB_FAST		R3_UL(0x7fe000020000)	/* what they jump to: see space.h */
#define R3_STUB_CMD		R3_UL(0x7fe000100000)	/* command page: r-- */
#define R3_STUB_SLOTS		R3_UL(0x7fe000200000)	/* one slot a vCPU: rw- */
#define R3_SLOT_STRIDE		R3_UL(0x10000)
#define R3_STUB_ZYGOTE		R3_UL(0x7fe000900000)	/* zygote page, zygote only */
#define R3_STUB_END		R3_UL(0x7fe000b00000)

#define R3_MAX_CPUS		64

/*
 * The site table, in a space whose code has rewritten system calls: addresses
 * that a 32-bit displacement can name. Bits 16-23 are 0x06, an opcode that
 * does not exist: see kernel/arch/ring3/mm/rewrite.c.
 */
#define R3_SITE_TABLE		R3_UL(0x60000)		/* u64[R3_MAX_SITES]: entries of R3_STUB_TRAMP */
#define R3_MAX_SITES		4096
#define R3_SITE_SLOTS		R3_UL(0x68000)		/* u64: slot by the thread's DS selector */
#define R3_SITE_TABLE_END	R3_UL(0x69000)

#endif
