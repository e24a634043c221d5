/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives the terminal back when this process can no longer do it itself. */
#ifndef R3_TERM_GUARD_H
#define R3_TERM_GUARD_H

#include <termios.h>

/**
 * term_guard - have the terminal watched until this process ends
 * @fd: the terminal
 * @cooked: its settings to return to
 *
 * Called before the terminal becomes raw. Where the host allows no more
 * processes there is no guard, and nothing is said.
 */
void term_guard(int fd, const struct termios *cooked);

/* This process is about to end in order: the terminal is as it was. */
void term_guard_end(void);

#endif
