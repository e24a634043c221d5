/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest uses of its host, as /proc has it: of the monitor, of its spaces. */
#ifndef R3_USAGE_H
#define R3_USAGE_H

#include <stdint.h>
#include <sys/types.h>

struct usage {
	uint64_t monitor_ns;		/* processor time of the monitor's threads */
	uint64_t spaces_ns;		/* of spaces: guest programs, and what maps their memory; of those that ended, too */
	uint64_t backends_ns;		/* of what serves its devices */
	unsigned int spaces;		/* that there are now */
};

/* Fails, as when the monitor is gone: -errno. */
int usage_read(struct usage *u, pid_t monitor, pid_t run);

#endif
