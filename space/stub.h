/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Constants that the stub's code and its filters must agree on. */
#ifndef STUB_H
#define STUB_H

/* MAP_SHARED | MAP_FIXED; with R3_MAP_POPULATE, MAP_POPULATE */
#define STUB_MAP_FLAGS		0x11
/* CLONE_VM | FS | FILES | SIGHAND | THREAD | SYSVSEM | PARENT_SETTID */
#define STUB_CLONE_FLAGS	0x150f00

/* of the zygote: CLONE_PARENT | CLONE_PARENT_SETTID | SIGCHLD; MAP_SHARED | MAP_FIXED */
#define STUB_ZYGOTE_CLONE	0x108011
#define STUB_ZYGOTE_MAP		0x11

#define R3_SLOT_SHIFT		16
#define STUB_PLACE_SIZE		64	/* bytes of a mask of host CPUs: sizeof(cmd_page.place) */
#define STUB_ONE_HOT_SHIFT	7	/* two of those, less one byte */
#define STUB_UC_RIP		168	/* of ucontext.uc_mcontext */
#define STUB_UC_STACK		16	/* ucontext.uc_stack */

/* Headers that assembly cannot include; zygote.c checks these. */
#define STUB_FUTEX_WAIT		0
#define STUB_FUTEX_WAKE		1
#define STUB_RET_ALLOW		0x7fff0000
#define STUB_RET_TRAP		0x00030000
#define STUB_ARCH		0xc000003e
#define STUB_BPF_TAX		0x07
#define STUB_SET_PDEATHSIG	1
#define STUB_SET_NAME		15
#define STUB_SIGKILL		9

/* How often a thread looks whether it may go on, each time that it is its turn. */
#define STUB_TURN_SPINS		64

#define STUB_FILTER_MAX		512	/* instructions of a filter, at most */

#define STUB_EXIT_NO_THREAD	11
#define STUB_EXIT_NO_FILTER	12
#define STUB_EXIT_SETUP		13

#ifndef __ASSEMBLY__
#include <linux/filter.h>

#pragma GCC visibility push(hidden)
void r3_manager(int tgid) __attribute__((noreturn));
void r3_stub_signal(void);
extern char r3_data_start[], r3_data_end[], r3_stub_end[];

/* filter.inc.S, and the only call instruction of the zygote that it knows */
extern const struct sock_fprog r3_manager_prog;
/* ... and in it, the halves of the zygote's secret */
extern const struct sock_filter r3_secret_low[], r3_secret_high[];
long r3_zygote_call(long nr, long a, long b, long c, long d, long e, long f);
#pragma GCC visibility pop
#endif
#endif
