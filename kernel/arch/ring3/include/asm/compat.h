/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_COMPAT_H
#define _ASM_RING3_COMPAT_H

#include <asm-generic/compat.h>

#endif
