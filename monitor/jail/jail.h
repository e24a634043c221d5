/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The jail around the monitor: what is left to a guest kernel that is under
 * foreign control, and so to the whole process.
 *
 *	jail_process()	once, while there is one thread and nothing of the guest
 *	jail_enter()	by each thread, as the last it does before its work
 *	jail_wait()	until all of them have
 *	jail_limits()	when nothing is opened any more
 *
 * Each wall is tried by itself. What the host refuses is in the report; the
 * system call filter is the one wall that cannot be missing.
 */
#ifndef R3_JAIL_H
#define R3_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum jail_mode {
	JAIL_ON,			/* as far as the host lets us */
	JAIL_REQUIRE,			/* all of it, or no guest */
	JAIL_OFF,			/* for measurements and debugging */
};

enum jail_wall {
	JAIL_SECCOMP,
	JAIL_LANDLOCK_FILES,
	JAIL_LANDLOCK_NET,
	JAIL_LANDLOCK_SCOPE,
	JAIL_USER_NS,
	JAIL_MOUNT_NS,
	JAIL_NET_NS,
	JAIL_IPC_NS,
	JAIL_UTS_NS,
	JAIL_ROOT,
	JAIL_CAPABILITIES,
	JAIL_NO_NEW_PRIVS,
	JAIL_NO_CORE,
	JAIL_NR_WALLS
};

/* For each wall 0: it stands, or -errno: what the host said. */
struct jail_report {
	int wall[JAIL_NR_WALLS];
	int landlock;			/* the host's version of it, 0: none */
};

/* What the filters compare arguments with, and only the running monitor knows. */
enum jail_value {
	JAIL_VALUE_NONE,		/* the table has it */
	JAIL_VALUE_PID,			/* the monitor's thread group */
	JAIL_VALUE_RAM_FD,
	JAIL_VALUE_RAM_LAST,		/* offset of the last page of RAM */
	JAIL_VALUE_SOCKET,		/* the thread's own, by jail_enter() */
	JAIL_VALUE_IMAGE_MAX,		/* size of the largest image that is written to */
	JAIL_NR_VALUES
};

struct jail {
	enum jail_mode mode;
	struct jail_report report;
	uint64_t value[JAIL_NR_VALUES];	/* set before the first jail_enter() */
	uint32_t inside;		/* threads that are; futex */
	int failed;			/* -errno of one that is not */
};

/* The words of --jail. Return of the second: 0, or -EINVAL with a sentence. */
const char *jail_mode_name(enum jail_mode mode);
int jail_mode_parse(const char *text, enum jail_mode *mode, struct r3_err *err);

/* Name and use of a wall, for people. */
const char *jail_wall_name(enum jail_wall wall);
const char *jail_wall_use(enum jail_wall wall);

/**
 * jail_process() - the walls that are the whole process's
 *
 * What is inherited: children, and threads made from now on, have them too.
 * No file can be opened by its path any more. Fails only with JAIL_REQUIRE.
 */
int jail_process(struct jail *jail, enum jail_mode mode, struct r3_err *err);

/**
 * jail_enter() - from here on the calling thread makes only the calls of its kind
 * @kind: "vcpu", "control", or a device's name; see policy.table
 * @socket: the one that this thread may have messages on, -1: none
 *
 * A kind that the table does not name has what all devices have. Other calls
 * fail with ENOSYS.
 *
 * Return: 0, or -errno; jail_wait() has it as well.
 */
int jail_enter(struct jail *jail, const char *kind, int socket);

/* Waits until @n threads are inside, or one could not get there. */
int jail_wait(struct jail *jail, unsigned int n, struct r3_err *err);

/**
 * jail_limits() - nothing is opened or grown any more
 * @file_max: no file grows beyond this, 0: nothing is written to files
 * @more_fds: descriptors that devices may yet come with. Then whoever started this process
 *	may raise @file_max for a larger disk, from outside
 */
void jail_limits(struct jail *jail, uint64_t file_max, unsigned int more_fds);

/**
 * jail_missing() - the one sentence about walls that are not there
 * @all: every one; else only if files or the network are behind the system
 *	call lists alone
 *
 * Return: whether there is anything to say.
 */
bool jail_missing(const struct jail_report *report, bool all, char *text, size_t size);

/* jail_process() and a filter in a process made for it: what would stand here. */
int jail_probe(struct jail_report *report);

/* For jail.c: ns.c, landlock.c, filter.c */
void jail_namespaces(struct jail_report *report);
void jail_landlock(struct jail_report *report);
int jail_filter(const char *kind, const uint64_t *value);

#endif
