/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame beside those of <ring3/agent.h>, which is part of what kernels are built
 * from: the host has the agent change a setting of the guest's kernel. The number of a
 * session is the request's own, and EXIT answers it, with an errno or 0 as status.
 */
#ifndef R3_SETTING_WIRE_H
#define R3_SETTING_WIRE_H

#include <linux/types.h>

#define R3_FRAME_SET	16		/* host: struct r3_agent_set */

#define R3_SET_CPUS	1		/* as many CPUs are on, the first ones */
#define R3_SET_TASKS	2		/* as many tasks in the whole guest, at most */

struct r3_agent_set {
	__u32 what;			/* R3_SET_* */
	__u32 value;
};

#endif
