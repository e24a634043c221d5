/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user's terminal: raw while a guest has it, and never left so. */
#ifndef R3_TERM_H
#define R3_TERM_H

#include <stdbool.h>

#include <ring3/agent.h>

/* Raw mode on @fd. Undone by term_restore(), at exit, on a crash, and by SIGKILL. */
int term_raw(int fd);
void term_restore(void);
bool term_is_raw(void);

/* The size of the first of the two that is a terminal; zeroes if none is. */
void term_size(int fd, int other, struct r3_agent_winsize *size);

/*
 * To stderr as it is, with line ends that are right on a raw terminal. For
 * message.h, which makes it fit for a terminal.
 */
void term_write(const char *text, unsigned long len);

/*
 * Three times Ctrl-] within a second, as typed by somebody whose guest does
 * not answer. Returns true when the last of them is in this input.
 */
struct term_escape {
	int count;
	long long since_ms;
};
bool term_escaped(struct term_escape *esc, const void *data, unsigned long len);

#endif
