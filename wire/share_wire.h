/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame beside those of <ring3/agent.h>, which is part of what kernels are built
 * from: the host has the agent mount a shared folder that came while the guest runs, or
 * unmount one that is to go. The number of a session is the request's own, and EXIT
 * answers it, with an errno or 0 as status.
 */
#ifndef R3_SHARE_WIRE_H
#define R3_SHARE_WIRE_H

#include <linux/types.h>

#define R3_FRAME_SHARE	17		/* host: struct r3_agent_share */

#define R3_SHARE_MOUNT		1	/* at a path, whose directories are made; EBUSY: something is mounted there */
#define R3_SHARE_UNMOUNT	2	/* wherever it is by now; EBUSY: it is in use, and stays */

/* r3_agent_share.flags */
#define R3_SHARE_RO	0x01		/* mount it read-only */
#define R3_SHARE_FORCE	0x02		/* take it off also from whoever uses it */

/* Followed by the path, not terminated: absolute to mount it, empty to unmount. */
struct r3_agent_share {
	__u32 what;			/* R3_SHARE_* */
	__u32 flags;
	char tag[40];			/* terminated */
};

#endif
