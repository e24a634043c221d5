/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest as an ELF core file: RAM as it is, with holes where it was never touched,
 * and three views of it (direct map, kernel image, vmalloc and modules) that share its
 * bytes; a register set for each vCPU; the kernel's own VMCOREINFO.
 */
#ifndef R3_CORE_H
#define R3_CORE_H

#include <stddef.h>
#include <sys/types.h>

#include "guest.h"

/*
 * Holds the guest meanwhile. Makes @path, which must not exist, or nothing. With
 * @headers only the guest is not held, and the file has neither memory nor registers.
 */
int core_write(const struct guest *g, const char *path, bool headers, struct r3_err *err);

/* What the file is called that process @pid has not finished, on file systems that need a name for it. */
void core_part(char *part, size_t size, const char *path, pid_t pid);

#endif
