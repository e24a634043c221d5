/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * How long to wait before the first poll for what the other side will write,
 * where vCPU and guest thread spin on two host CPUs: r3_slot.first for the guest
 * thread, r3_habit.wait for the vCPU.
 */
#ifndef RING3_POLL_H
#define RING3_POLL_H

#define R3_POLL_LOOP	16	/* a turn of a loop with an LFENCE */
#define R3_POLL_MAX	1024
#define R3_POLL_UP	48	/* that was too early */
#define R3_POLL_DOWN	4	/* it was not */
#define R3_POLL_MORE	48	/* polls; if all were too early it is not worth waiting */

#endif
