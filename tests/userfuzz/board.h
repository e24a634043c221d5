/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all processes of userfuzz have mapped; libc.c is compiled in the guest and has nothing but this. */
#ifndef BOARD_H
#define BOARD_H

#define WITNESSES 4
#define LIBC_WITNESSES 2		/* programs with the guest's own C library */
#define BOARD_FD 90			/* where those find the board */
#define ALL_WITNESSES (WITNESSES + LIBC_WITNESSES)

struct board {
	volatile int findings, stop, round;
	volatile int focus;		/* of this round, FOCUS_* */
	volatile int page;		/* FOCUS_MIDDLE: where both are */
	volatile unsigned long kids, steps, deaths, looks;
	volatile unsigned int alive[ALL_WITNESSES];
	char dir[64];
};

#endif
