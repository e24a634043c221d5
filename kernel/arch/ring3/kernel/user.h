/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the loop (user.c), stops (stop.c) and traps (usertraps.c) of user code. */
#ifndef R3_USER_H
#define R3_USER_H

#include <linux/types.h>

struct pt_regs;
struct r3_event;
struct r3_slot_info;
struct r3_space;

/* A guest thread is told to stop: since when, and what came of it. */
struct r3_stop {
	u64 first, last;
	u64 looked;		/* after STOP_TIMEOUT_NS, when its manager had acknowledged */
	u64 used;		/* time on the host of its process, then */
};

/* How often it is told so again. */
#define R3_KICK_AGAIN_NS	(100ULL * NSEC_PER_MSEC)

bool r3_stop_press(struct r3_stop *stop, struct r3_space *space, struct r3_slot_info *info);
void r3_stop_end(struct r3_stop *stop, struct r3_space *space, struct r3_slot_info *info);
void r3_stop_give_up(struct r3_space *space);

void r3_user_trap(struct pt_regs *regs, const struct r3_event *ev);

#endif
