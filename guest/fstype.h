/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef R3_GUEST_FSTYPE_H
#define R3_GUEST_FSTYPE_H

/* The name of the file system on a device, by its superblock; NULL: unknown. */
const char *fstype_of(int fd);

#endif
