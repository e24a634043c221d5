/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_TEST_HOSTILE_H
#define R3_TEST_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

/* hostile.c: what the thread that is taken over does; the second may not return. */
void hostile_thread(void);
void hostile_last(void);
/* It is about to try exit(). */
extern uint32_t leaving;

/* take.c: makes the monitor's thread of that kind call the two above. */
void take_thread(const char *kind);

/* detail.c, with TAP: calls that are let through, with other arguments. */
void memory_calls(void);
void victims(void);
/* kill() of the group that is the guest's, and so the zygote's. */
bool kill_spaces(long pid);

#endif
