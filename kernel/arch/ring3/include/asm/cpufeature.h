/* SPDX-License-Identifier: GPL-2.0-only */
/* No instruction is patched at run time: x86's alternatives keep their defaults. */
#ifndef _ASM_RING3_CPUFEATURE_H
#define _ASM_RING3_CPUFEATURE_H

#define boot_cpu_has(bit)		((bit) == X86_FEATURE_CX16)
#define static_cpu_has(bit)		boot_cpu_has(bit)
#define cpu_feature_enabled(bit)	boot_cpu_has(bit)
#define this_cpu_has(bit)		boot_cpu_has(bit)

#include <asm/cpufeatures.h>

#endif
