/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The blocks of one directory. */
#ifndef R3_UNPACK_EXT4_DIR_H
#define R3_UNPACK_EXT4_DIR_H

#include <ext2fs/ext2fs.h>
#include <stdbool.h>

#include "tree.h"

/**
 * ext4_dir_pack() - what is in a directory, as ext4 reads it
 * @data: whole blocks, to be freed
 * @indexed: it has a hash tree, as one of more than one block has
 */
int ext4_dir_pack(const struct ext2_super_block *sb, const struct node *dir, uint8_t **data, size_t *len, bool *indexed, struct r3_err *err);

#endif
