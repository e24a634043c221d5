/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts a kernel image and an initramfs into guest RAM. */
#ifndef R3_LOADER_H
#define R3_LOADER_H

#include <ring3/boot.h>

#include "base/err.h"
#include "mem/mem.h"

/**
 * load_kernel() - copy a ring3 vmlinux into guest RAM and map it where it runs
 * @fd: the ELF file, any position
 * @path: its name, for messages
 * @mem: guest RAM
 * @hdr: filled with the image's header
 *
 * The segments lie at their physical addresses in RAM and are mapped a second
 * time at their virtual ones, with their own protections.
 *
 * Return: 0, or -errno with @err set. Nothing needs to be undone.
 */
int load_kernel(int fd, const char *path, const struct guest_mem *mem,
		struct r3_image_header *hdr, struct r3_err *err);

/**
 * load_initrd() - copy an initramfs to the end of guest RAM
 * @gpa, @size: where it is then; untouched on failure
 */
int load_initrd(int fd, const struct guest_mem *mem, uint64_t kernel_end,
		uint64_t *gpa, uint64_t *size, struct r3_err *err);

#endif
