/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests only: which walls of monitor and command line a build leaves out,
 * by meson's option "teeth", so that tests can show that they would notice;
 * docs/walls.md. A normal build defines none of these.
 */
#ifndef R3_BASE_TEETH_H
#define R3_BASE_TEETH_H

#include "teeth_config.h"

#ifndef TEETH_JAIL_LISTS		/* threads make any system call */
#define TEETH_JAIL_LISTS	0
#endif
#ifndef TEETH_JAIL_LANDLOCK
#define TEETH_JAIL_LANDLOCK	0
#endif
#ifndef TEETH_JAIL_NAMESPACES		/* all of them, and so the empty root */
#define TEETH_JAIL_NAMESPACES	0
#endif
#ifndef TEETH_JAIL_ROOT			/* the host's tree, in its own mount namespace */
#define TEETH_JAIL_ROOT		0
#endif
#ifndef TEETH_JAIL_CAPABILITIES		/* they are kept */
#define TEETH_JAIL_CAPABILITIES	0
#endif
#ifndef TEETH_JAIL_LIMITS		/* core dumps, sizes of files, descriptors */
#define TEETH_JAIL_LIMITS	0
#endif

#ifndef TEETH_DEVICE_RANGE		/* any address is guest memory's */
#define TEETH_DEVICE_RANGE	0
#endif
#ifndef TEETH_DEVICE_CHAIN		/* chains may be as long as they are */
#define TEETH_DEVICE_CHAIN	0
#endif
#ifndef TEETH_DEVICE_INDEX		/* entries may be behind their table */
#define TEETH_DEVICE_INDEX	0
#endif

#ifndef TEETH_AGENT_LENGTH		/* frames of the agent may say any length */
#define TEETH_AGENT_LENGTH	0
#endif
#ifndef TEETH_AGENT_TEXT		/* text of a guest reaches the terminal as it is */
#define TEETH_AGENT_TEXT	0
#endif

#endif
