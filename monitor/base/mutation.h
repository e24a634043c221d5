/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests only: which walls of monitor and command line a build leaves out,
 * by meson's option "mutation", so that tests can show that they would notice;
 * docs/walls.md. A normal build defines none of these.
 */
#ifndef R3_BASE_MUTATION_H
#define R3_BASE_MUTATION_H

#include "mutation_config.h"

#ifndef MUTATION_JAIL_LISTS		/* threads make any system call */
#define MUTATION_JAIL_LISTS	0
#endif
#ifndef MUTATION_JAIL_LANDLOCK
#define MUTATION_JAIL_LANDLOCK	0
#endif
#ifndef MUTATION_JAIL_NAMESPACES		/* all of them, and so the empty root */
#define MUTATION_JAIL_NAMESPACES	0
#endif
#ifndef MUTATION_JAIL_ROOT			/* the host's tree, in its own mount namespace */
#define MUTATION_JAIL_ROOT		0
#endif
#ifndef MUTATION_JAIL_CAPABILITIES		/* they are kept */
#define MUTATION_JAIL_CAPABILITIES	0
#endif
#ifndef MUTATION_JAIL_LIMITS		/* core dumps, sizes of files, descriptors */
#define MUTATION_JAIL_LIMITS	0
#endif

#ifndef MUTATION_DEVICE_RANGE		/* any address is guest memory's */
#define MUTATION_DEVICE_RANGE	0
#endif
#ifndef MUTATION_DEVICE_CHAIN		/* chains may be as long as they are */
#define MUTATION_DEVICE_CHAIN	0
#endif
#ifndef MUTATION_DEVICE_INDEX		/* entries may be behind their table */
#define MUTATION_DEVICE_INDEX	0
#endif
#ifndef MUTATION_DEVICE_HEADER		/* headers of frames reach the driver as they come */
#define MUTATION_DEVICE_HEADER	0
#endif
#ifndef MUTATION_DEVICE_LENGTH		/* frames of a stream are as long as they say */
#define MUTATION_DEVICE_LENGTH	0
#endif

/* MUTATION_AGENT_LENGTH is in wire/frames.c. */
#ifndef MUTATION_AGENT_TEXT		/* text of a guest reaches the terminal as it is */
#define MUTATION_AGENT_TEXT	0
#endif

#endif
