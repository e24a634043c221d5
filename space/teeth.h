/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests only: which walls a build leaves out, by meson's option "teeth". An
 * attack that gets through without a wall is a test of it; docs/walls.md. A
 * normal build defines none of these.
 */
#ifndef TEETH_H
#define TEETH_H

#ifndef TEETH_GUEST_FILTER		/* user code's threads make what the manager may */
#define TEETH_GUEST_FILTER	0
#endif
#ifndef TEETH_MANAGER_FILTER		/* any call from an instruction of the stub */
#define TEETH_MANAGER_FILTER	0
#endif
#ifndef TEETH_SECRET			/* the zygote's is 0, as everybody knows */
#define TEETH_SECRET		0
#endif
#ifndef TEETH_ORIGIN			/* wake from any instruction */
#define TEETH_ORIGIN		0
#endif
#ifndef TEETH_FUTEX			/* wake whom they like, and do all else that futex does */
#define TEETH_FUTEX		0
#endif
#ifndef TEETH_COMMAND_PAGE		/* write the manager's orders */
#define TEETH_COMMAND_PAGE	0
#endif
#ifndef TEETH_STUB			/* write the stub's code */
#define TEETH_STUB		0
#endif
#ifndef TEETH_LEFTOVERS			/* find the zygote's stack and vDSO */
#define TEETH_LEFTOVERS		0
#endif
#ifndef TEETH_ZYGOTE_PAGE		/* ask the zygote for spaces */
#define TEETH_ZYGOTE_PAGE	0
#endif

/* PROT_READ */
#define STUB_CMD_PROT		(1 + 2 * TEETH_COMMAND_PAGE)

#endif
