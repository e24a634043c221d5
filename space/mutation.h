/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests only: which walls a build leaves out, by meson's option "mutation". An
 * attack that gets through without a wall is a test of it; docs/walls.md. A
 * normal build defines none of these.
 */
#ifndef MUTATION_H
#define MUTATION_H

#ifndef MUTATION_GUEST_FILTER		/* user code's threads make what the manager may */
#define MUTATION_GUEST_FILTER	0
#endif
#ifndef MUTATION_MANAGER_FILTER		/* any call from an instruction of the stub */
#define MUTATION_MANAGER_FILTER	0
#endif
#ifndef MUTATION_BOUNDS			/* the manager maps anywhere, and installs any filter */
#define MUTATION_BOUNDS		0
#endif
#ifndef MUTATION_SECRET			/* the zygote's is 0, as everybody knows */
#define MUTATION_SECRET		0
#endif
#ifndef MUTATION_ORIGIN			/* wake from any instruction */
#define MUTATION_ORIGIN		0
#endif
#ifndef MUTATION_FUTEX			/* wake whom they like, and do all else that futex does */
#define MUTATION_FUTEX		0
#endif
#ifndef MUTATION_COMMAND_PAGE		/* write the manager's orders */
#define MUTATION_COMMAND_PAGE	0
#endif
#ifndef MUTATION_STUB			/* write the stub's code */
#define MUTATION_STUB		0
#endif
#ifndef MUTATION_LEFTOVERS			/* find the zygote's stack and vDSO */
#define MUTATION_LEFTOVERS		0
#endif
#ifndef MUTATION_ZYGOTE_PAGE		/* ask the zygote for spaces */
#define MUTATION_ZYGOTE_PAGE	0
#endif

/* PROT_READ */
#define STUB_CMD_PROT		(1 + 2 * MUTATION_COMMAND_PAGE)

#endif
