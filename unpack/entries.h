/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tar archive, or a layer of an image, into the tree and the file system. */
#ifndef R3_UNPACK_ENTRIES_H
#define R3_UNPACK_ENTRIES_H

#include "ext4.h"
#include "source.h"
#include "tree.h"

/**
 * entries_apply() - all entries of @source, which is open
 * @layer: 1 and up; 0: a plain archive, in which a name with ".wh." has no meaning
 */
int entries_apply(struct source *source, struct tree *tree, struct ext4 *fs, unsigned int layer, struct r3_err *err);

#endif
