/* SPDX-License-Identifier: GPL-2.0-only */
/* Which host CPU a vCPU and its guest threads are kept on: kernel/affinity.c. */
#ifndef _ASM_RING3_AFFINITY_H
#define _ASM_RING3_AFFINITY_H

#include <linux/types.h>

/* Each vCPU has a host CPU that no other vCPU has. */
extern bool r3_vcpus_apart;

int r3_affinity_home(void);
int r3_affinity_home_of(unsigned int cpu);
long r3_affinity_move(unsigned int host_cpu);

#endif
