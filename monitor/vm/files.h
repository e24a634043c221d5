/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptors of a configuration, once the guest has what it needs of them. */
#ifndef R3_FILES_H
#define R3_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/vm.h"

/**
 * files_max() - the size of the largest file or device that the guest's disks write to
 * @overlays: ephemeral ones count, as large as they are by now
 *
 * Return: 0 if there is none.
 */
uint64_t files_max(const struct vm_config *cfg, bool overlays);

/* Kernel and initramfs are in memory by now, and disks have descriptors of their own. */
void files_close(const struct vm_config *cfg);

#endif
