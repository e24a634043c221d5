/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel memory has the rights it was mapped with; generic code's do-nothings. */
#ifndef _ASM_RING3_SET_MEMORY_H
#define _ASM_RING3_SET_MEMORY_H

#include <linux/set_memory.h>

#endif
