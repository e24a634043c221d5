/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_ARCH_HWEIGHT_H
#define _ASM_RING3_ARCH_HWEIGHT_H

#include <asm-generic/bitops/arch_hweight.h>

#endif
