/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How an image wants its program to run, as strings that each end with a 0:
 * "user=UID:GID", or "nouser=WHY"; "cwd=DIR", "env=NAME=VALUE", "entrypoint=WORD",
 * "cmd=WORD". cli/roots.c reads it.
 */
#ifndef R3_UNPACK_SETTINGS_H
#define R3_UNPACK_SETTINGS_H

#include "ext4.h"
#include "manifest.h"
#include "tree.h"

#define SETTINGS_MAX	(1u << 20)

/* The working directory is made if it is missing. Call before ext4_finish(). */
int settings_write(int fd, const struct image_config *config, struct tree *tree, struct ext4 *fs, struct r3_err *err);

#endif
