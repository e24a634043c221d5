/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptors of a configuration, once the guest has what it needs of them. */
#ifndef R3_FILES_H
#define R3_FILES_H

#include <stdint.h>

#include "vm/vm.h"

/* The size of the largest file that the guest's disks write to; 0: none. */
uint64_t files_max(const struct vm_config *cfg);

/* Kernel and initramfs are in memory by now, and disks have descriptors of their own. */
void files_close(const struct vm_config *cfg);

#endif
