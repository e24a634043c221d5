/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_KDEBUG_H
#define _ASM_RING3_KDEBUG_H

/* With x86's names. */
enum die_val {
	DIE_UNUSED,
	DIE_OOPS,
	DIE_INT3,
	DIE_DEBUG,
};

#endif
