/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What monitor and guest kernel say to each other: the image header, the boot
 * block, and the interrupt words. All addresses are valid in the monitor
 * process, which is also where the guest kernel runs.
 */
#ifndef _RING3_BOOT_H
#define _RING3_BOOT_H

#include "layout.h"

/* Counted up with every change of a layout in this folder. */
#define R3_ABI_VERSION		11
#define R3_BOOT_MAGIC		0x33674e52	/* "RNg3" */

/* Signals of a vCPU thread. All others stay blocked there. */
#define R3_SIG_IRQ		10		/* SIGUSR1: look at r3_vcpu.pending */
#define R3_SIG_TIMER		14		/* SIGALRM: this vCPU's timer */
/* Signal that stops a guest thread in a space. */
#define R3_SIG_KICK		10		/* SIGUSR1 */

/* Bits of r3_vcpu.pending. Set with an atomic or; whoever finds the word 0
 * before also sends R3_SIG_IRQ. The vCPU takes them with an exchange. */
#define R3_PEND_RESCHED		0x01
#define R3_PEND_CALL		0x02
#define R3_PEND_TIMER		0x04
#define R3_PEND_DEVICE		0x08		/* see r3_boot.dev_pending */
#define R3_PEND_SPACE		0x10		/* see r3_zygote.dead_* */
#define R3_PEND_POWER		0x20		/* r3_boot.power_request */
#define R3_PEND_POLLING		0x40		/* the vCPU looks at the word by itself */
#define R3_PEND_STOP		0x80		/* for good: the guest ends */
#define R3_PEND_FORCED_YIELD		0x100		/* from another vCPU: kernel/forced_yield.c */

/* r3_boot.exit_reason, written before the exit eventfd is signalled. */
#define R3_EXIT_NONE		0
#define R3_EXIT_POWEROFF	1
#define R3_EXIT_REBOOT		2
#define R3_EXIT_HALT		3
#define R3_EXIT_PANIC		4
#define R3_EXIT_BADHOST		5		/* the host failed the guest */

/* r3_boot.power_request */
#define R3_POWER_NONE		0
#define R3_POWER_DOWN		1		/* orderly: as the power button */

#define R3_CMDLINE_SIZE		4096

#ifndef __ASSEMBLY__
#include <linux/types.h>

/* At the image's ELF entry, that is at R3_IMAGE_BASE. */
struct r3_image_header {
	__u32 magic;			/* R3_BOOT_MAGIC */
	__u32 version;			/* R3_ABI_VERSION */
	__u64 start;			/* void (struct r3_boot *), on vCPU 0's thread */
	__u64 start_secondary;		/* void (struct r3_boot *, unsigned cpu) */
	__u64 signal;			/* void (int, siginfo_t *, ucontext_t *) for vCPU threads */
	__u64 image_size;		/* bytes, bss included */
	__u64 held;			/* address of a word: for how long the guest was held, in
					 * TSC cycles, or in ns if tsc_khz is 0; 0: has none */
	__u64 reserved;
};

struct r3_vcpu {
	__u32 pending;			/* R3_PEND_*, atomic */
	__s32 tid;			/* host thread id */
	__s32 timer;			/* timer_t of a CLOCK_MONOTONIC timer -> R3_SIG_TIMER */
	__s32 ack_fd;			/* eventfd on which space managers acknowledge */
	__s32 space_ack_fd;		/* the same eventfd's number in every space */
	__u32 start;			/* futex; the kernel writes 1 to start a secondary */
	__u64 stack;			/* initial stack pointer of a secondary, by the kernel */
	__s32 host_cpu;			/* its guest threads run there too; -1: anywhere */
	__s32 spare_cpu;		/* no vCPU's, or -1: kernel/borrow.c */
	__u64 reserved[3];
};

struct r3_boot {
	__u32 magic;
	__u32 version;
	__u32 size;			/* sizeof(struct r3_boot) */
	__u32 nr_cpus;
	__u64 ram_size;			/* bytes of guest RAM, page multiple */
	__s32 ram_fd;			/* its memfd, for the kernel's own mmap */
	__s32 pid;			/* of the monitor */
	__u64 initrd_gpa;
	__u64 initrd_size;
	__u64 tsc_khz;			/* 0: the TSC is not usable as a clock */
	__u64 host_vdso_gettime;	/* int (clockid_t, struct timespec *) */
	__s32 console_fd;		/* early console, -1 for none */
	__s32 exit_fd;			/* eventfd: the guest has ended */
	__u32 exit_reason;
	__u32 power_request;
	__u64 dev_pending;		/* one bit a device, atomic */
	__u64 vdevs;			/* address of struct r3_vdev[nr_vdevs], a page each */
	__u32 nr_vdevs;
	__u32 has_fsgsbase;
	__u64 zygote;			/* address of struct r3_zygote */
	__u8  seed[64];			/* for the guest's random pool */
	struct r3_vcpu vcpu[R3_MAX_CPUS];
	char cmdline[R3_CMDLINE_SIZE];
};
#endif
#endif
