/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From an archive or an image to a file system: which parts, in which order, and that they are the right ones. */
#ifndef R3_UNPACK_IMAGE_H
#define R3_UNPACK_IMAGE_H

#include <stdint.h>

#include "base/err.h"

/* @fd: the archive. */
int image_tar(int fd, struct r3_err *err);
/* @fd: index.json; blobs are asked for. @tag may be NULL. */
int image_oci(int fd, const char *tag, struct r3_err *err);
/* @fd: the archive. @name may be NULL. */
int image_docker(int fd, const char *name, struct r3_err *err);

#endif
