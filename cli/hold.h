/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that does not run, and whose time stands still. The word that its clocks
 * subtract (struct r3_image_header.held) is made larger by the time that it was held
 * before any of it goes on, so no timer and no watchdog of the guest is late.
 */
#ifndef R3_HOLD_H
#define R3_HOLD_H

#include "vmem.h"

/*
 * The zygote and the spaces of a monitor are one process group, and they are signalled by the host at
 * once. Its number is the zygote's: who has taken a monitor over ends the zygote, and another process
 * of the user's gets the number. So the group is known by a descriptor of its leader, not by number.
 */
struct hold_group {
	pid_t monitor;
	int leader;		/* pidfd; -1: none known */
};

struct hold {
	const struct vmem *mem;
	uint64_t word;		/* address; 0: the kernel has none */
	struct hold_group group;
	uint64_t since;
	bool whole;		/* the monitor was stopped, too */
};

void hold_init(struct hold *h, const struct vmem *mem);

/* User code stops, and time; whoever calls has stopped the vCPUs, or asks for it. */
void hold_begin(struct hold *h, bool whole);
/* Time goes on, and all else that hold_begin() stopped. */
void hold_end(struct hold *h);
/* After hold_end(), or without hold_begin(). */
void hold_close(struct hold *h);

/* Begins with none, or one that was closed. */
void hold_group_init(struct hold_group *g, pid_t monitor);
/* To all that are in it now; to each child of the monitor's, where there is no leader any more. */
void hold_group_signal(struct hold_group *g, int sig);
void hold_group_close(struct hold_group *g);

/* Is some thread of this process traced? */
bool hold_is_traced(pid_t pid);

#endif
