/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame beside those of <ring3/agent.h>, which is part of what kernels are built
 * from: the host puts a small file into the guest, before its first RUN. It is for
 * settings that carry over, and is left out where its directory is missing.
 */
#ifndef R3_WIRE_FILE_H
#define R3_WIRE_FILE_H

#include <linux/types.h>

#define R3_FRAME_FILE	15		/* host, session 0: struct r3_agent_file */

/* Followed by the path, terminated, and the contents. */
struct r3_agent_file {
	__u32 mode;			/* permissions, for one that is new */
};

#endif
