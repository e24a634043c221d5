/* SPDX-License-Identifier: GPL-2.0-only */
/* Breakpoints in kernel text: kernel/text.c. */
#ifndef _ASM_RING3_TEXT_H
#define _ASM_RING3_TEXT_H

struct sigcontext;

bool r3_text_trap(struct sigcontext *sc);

#endif
