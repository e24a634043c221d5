/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _ASM_RING3_ENTRY_COMMON_H
#define _ASM_RING3_ENTRY_COMMON_H

#include <asm/processor.h>

#endif
