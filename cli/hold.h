/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that does not run, and whose time stands still. The word that its clocks
 * subtract (struct r3_image_header.held) is made larger by the time that it was held
 * before any of it goes on, so no timer and no watchdog of the guest is late.
 */
#ifndef R3_HOLD_H
#define R3_HOLD_H

#include "vmem.h"

struct hold {
	const struct vmem *mem;
	uint64_t word;		/* address; 0: the kernel has none */
	pid_t group;		/* of the spaces and the zygote; 0: none known */
	uint64_t since;
	bool whole;		/* the monitor was stopped, too */
};

void hold_init(struct hold *h, const struct vmem *mem);

/* User code stops, and time; whoever calls has stopped the vCPUs, or asks for it. */
void hold_begin(struct hold *h, bool whole);
/* Time goes on, and all else that hold_begin() stopped. */
void hold_end(struct hold *h);

/* Of the zygote and the spaces of this monitor; 0: there is none. */
pid_t hold_group(pid_t monitor);

/* The host's scheduler may treat its session as one: then that has a nice value, too. 0 or -errno. */
int hold_session_nice(pid_t monitor, int nice);

/* Is some thread of this process traced? */
bool hold_is_traced(pid_t pid);

#endif
