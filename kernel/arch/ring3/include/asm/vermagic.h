/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_VERMAGIC_H
#define _ASM_RING3_VERMAGIC_H

#define MODULE_ARCH_VERMAGIC "ring3 "

#endif
