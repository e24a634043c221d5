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
	uint64_t zygote_ns;		/* of spaces_ns: of the process that makes them */
	uint64_t own_ns;		/* of `ring3 run`, if that is the caller */
	unsigned int spaces;		/* that there are now */
	unsigned int processes;		/* spaces, their zygote, back ends */
};

/*
 * By the clocks of processes, without waiting for a tick: a sum that may be right a moment later
 * only. Fails, as when the monitor is gone: -errno.
 */
int usage_read(struct usage *u, pid_t monitor, pid_t run);

/* Of the threads that map memory, in the spaces that there are now. */
uint64_t usage_managers(pid_t monitor);

/* The children that a process has now, the oldest first, to be freed; NULL: none, or no memory. */
pid_t *usage_children(pid_t parent, unsigned int *nr);

/* What "ring3 run" and those that it started have started, but for the monitor and what that did: to be freed; NULL as above. */
pid_t *usage_backends(pid_t run, pid_t monitor, unsigned int *nr);

/* 0: it has none, or is gone. */
pid_t usage_parent(pid_t pid);

#endif
